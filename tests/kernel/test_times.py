from datetime import UTC, datetime, timedelta, timezone

import pytest

from romm_lite.kernel import times


def test_a_moment_without_zone_is_utc() -> None:
    assert times.as_utc(datetime(2026, 1, 1)).tzinfo is UTC


def test_a_moment_elsewhere_becomes_utc() -> None:
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert times.as_utc(there) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ns", [-1, 0, 1_700_000_000_123_456_789, 2**63 - 1])
def test_any_file_time_is_a_moment(ns: int) -> None:
    assert times.from_ns(ns).tzinfo is UTC


def test_a_file_time_keeps_its_microseconds() -> None:
    assert times.from_ns(1_000_000_000_123_456_789).microsecond == 123_456
