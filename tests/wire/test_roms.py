from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from romm_lite.wire.rom_metadata import RomIGDBMetadata
from romm_lite.wire.roms import RomContentQuery, RomListQuery, RomPage, SiblingRomSchema


def test_old_platform_id_becomes_a_list_of_one() -> None:
    assert RomListQuery.model_validate({"platform_id": "7"}).platform_ids == [7]


def test_platform_ids_win_over_the_old_name() -> None:
    query = RomListQuery.model_validate({"platform_id": "7", "platform_ids": ["1", "2"]})

    assert query.platform_ids == [1, 2]


@pytest.mark.parametrize("text", ["", "null", "99999999999"])
def test_unreadable_old_platform_id_is_ignored(text: str) -> None:
    assert RomListQuery.model_validate({"platform_id": text}).platform_ids is None


def test_query_ignores_parameters_it_does_not_know() -> None:
    assert RomListQuery.model_validate({"with_siblings": "true", "fields": "id"}) == RomListQuery()


@pytest.mark.parametrize(
    "refused", [{"limit": 0}, {"limit": 10_001}, {"offset": -1}, {"collection_id": 0}]
)
def test_query_refuses_what_lies_outside_its_bounds(refused: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="should be"):
        RomListQuery.model_validate(refused)


@pytest.mark.parametrize(
    ("text", "hidden"), [("true", True), ("1", True), ("YES", True), ("0", False), ("what", False)]
)
def test_hidden_folder_is_on_for_words_of_yes_alone(text: str, hidden: bool) -> None:
    assert RomContentQuery.model_validate({"hidden_folder": text}).hidden_folder is hidden


@pytest.mark.parametrize(
    ("name", "comparator"),
    [
        ("The Moss", "moss"),
        ("and So On", "so on"),
        ("A  Gap", "gap"),
        ("Theatre", "theatre"),
        (None, "moss 2"),
        ("", "moss 2"),
    ],
)
def test_sibling_is_compared_without_its_leading_word(name: str | None, comparator: str) -> None:
    sibling = SiblingRomSchema(
        id=2,
        name=name,
        fs_name_no_tags="Moss 2",
        fs_name_no_ext="Moss 2 (USA)",
        is_main_sibling=False,
    )

    assert sibling.model_dump()["sort_comparator"] == comparator


def test_provider_metadata_sends_the_known_keys_it_was_given_and_no_others() -> None:
    adapter: TypeAdapter[RomIGDBMetadata] = TypeAdapter(RomIGDBMetadata)

    metadata = adapter.validate_python({"player_count": "1", "total_rating": None, "checksum": "x"})

    assert adapter.dump_json(metadata) == b'{"total_rating":null,"player_count":"1"}'


def test_page_of_roms_is_named_as_in_the_protocol() -> None:
    named = TypeAdapter(list[RomPage]).json_schema()["$defs"]

    assert "CustomLimitOffsetPage_SimpleRomSchema_" in named
