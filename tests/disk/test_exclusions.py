import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.exclusions import (
    DEFAULT_DIRS,
    DEFAULT_EXTENSIONS,
    DEFAULT_FILES,
    compile_folders,
    compile_names,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("save.BAK", True),
        ("moss.hash.txt", True),
        ("moss.txt", False),
        ("db", False),
        (".DS_Store", True),
        (".ds_store", False),
        ("Moss.rom:Zone.Identifier", True),
        ("gamelist.xml", True),
        ("Gamelist.xml", False),
        ("Moss.rom", False),
        (".moss.rom", False),
        ("line\nbreak:Zone.Identifier", True),
    ],
)
def test_files_are_left_out_by_name_with_case_and_by_extension_without(
    name: str, expected: bool
) -> None:
    assert compile_names(DEFAULT_FILES, (*DEFAULT_EXTENSIONS, "Hash.TXT"))(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@EADIR", True),
        (" assets ", True),
        (".trash-1000", True),
        ("System volume information", True),
        ("Moss", False),
    ],
)
def test_folders_are_left_out_without_case(name: str, expected: bool) -> None:
    assert compile_folders(DEFAULT_DIRS)(name) is expected


def test_no_rules_leave_nothing_out() -> None:
    is_excluded = compile_names((), ("", "."))
    assert not is_excluded("")
    assert not is_excluded("Moss.")


@given(st.lists(st.text("[]!*?-ab\\^.", max_size=12)), st.text(max_size=12))
def test_any_pattern_compiles_and_a_name_always_matches_itself(
    patterns: list[str], name: str
) -> None:
    assert compile_names((*patterns, name))(name)
