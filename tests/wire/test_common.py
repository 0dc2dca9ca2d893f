from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from romm_lite.wire.common import Key, Schema, Timestamp

TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(Timestamp)


class Moment(Schema):
    at: Timestamp | None


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 8, 1, 10, tzinfo=UTC), "2026-08-01T10:00:00+00:00"),
        (datetime(2026, 8, 1, 10, 0, 0, 1500, tzinfo=UTC), "2026-08-01T10:00:00.001500+00:00"),
        (datetime(2026, 8, 1, 10), "2026-08-01T10:00:00+00:00"),
        (
            datetime(2026, 8, 1, 10, tzinfo=timezone(timedelta(hours=2))),
            "2026-08-01T08:00:00+00:00",
        ),
    ],
    ids=["whole seconds", "microseconds", "naive is UTC", "another offset"],
)
def test_timestamp_renders_iso_with_an_explicit_offset(moment: datetime, text: str) -> None:
    assert Moment(at=moment).model_dump_json() == f'{{"at":"{text}"}}'


def test_timestamp_renders_alike_when_the_model_was_not_validated() -> None:
    unchecked = Moment.model_construct(at=datetime(2026, 8, 1, 10))

    assert unchecked.model_dump_json() == '{"at":"2026-08-01T10:00:00+00:00"}'


def test_timestamp_may_be_null() -> None:
    assert Moment(at=None).model_dump_json() == '{"at":null}'


@pytest.mark.parametrize("text", ["2026-08-01T10:00:00Z", "2026-08-01T12:00:00+02:00"])
def test_timestamp_reads_any_offset_as_utc(text: str) -> None:
    read = TIMESTAMP.validate_python(text)

    assert (read, read.tzinfo) == (datetime(2026, 8, 1, 10, tzinfo=UTC), UTC)


def test_moment_before_the_first_year_is_invalid() -> None:
    with pytest.raises(ValidationError, match="no counterpart in UTC"):
        TIMESTAMP.validate_python("0001-01-01T00:00:00+05:00")


def test_key_refuses_what_no_integer_column_holds() -> None:
    with pytest.raises(ValidationError, match="less than or equal"):
        TypeAdapter(Key).validate_python(2**31)
