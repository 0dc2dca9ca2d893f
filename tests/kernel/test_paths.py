import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.kernel.errors import UnsafePath
from romm_lite.kernel.paths import (
    Places,
    check_name,
    safe_join,
    user_folder,
    write_private,
    write_whole,
)

ROOT = Path("/root-of-all")

HOSTILE = [
    "../secret", "a/../../secret", "/etc/passwd", "a\\..\\b", "C:/x", "c:x", "a\0b", "con",
    "NUL.txt", "a/COM1.rom", "lpt¹", "name.", "name ", "a|b", "a?b", 'a"b', "a:stream", "a\nb",
    "x" * 256, "é" * 128,
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath):
        safe_join(ROOT, path)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a\0b"])
def test_not_even_the_disk_can_name_a_way_out(path: str) -> None:
    with pytest.raises(UnsafePath):
        safe_join(ROOT, path, found=True)


@pytest.mark.parametrize("path", ["roms/nes/Game (USA).nes", "ポケモン.gb", "a/./b", "console.rom"])
def test_an_ordinary_path_is_joined(path: str) -> None:
    assert safe_join(ROOT, path).is_relative_to(ROOT)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows disks have no such names")
@pytest.mark.parametrize("path", ["Game: Sub.iso", "a\\b.rom", "aux", "what?.bin"])
def test_what_the_disk_holds_is_let_through(path: str) -> None:
    assert safe_join(ROOT, path, found=True) == ROOT / path


@given(st.text(max_size=60))
def test_nothing_leads_out_of_the_root(path: str) -> None:
    for found in (False, True):
        try:
            joined = safe_join(ROOT, path, found=found)
        except UnsafePath:
            continue
        assert joined == ROOT or ROOT in joined.parents
        assert ".." not in joined.parts


@given(st.text(max_size=20))
def test_a_checked_name_is_one_component(name: str) -> None:
    try:
        checked = check_name(name)
    except UnsafePath:
        return
    assert Path(checked).name == checked == name


def test_a_secret_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_private(path, "first")
    write_private(path, "second")
    assert path.read_text() == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_written_whole_in_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    write_whole(path, b"first\r\n")
    write_whole(path, b"second\n")
    assert path.read_bytes() == b"second\n"
    assert [each.name for each in tmp_path.iterdir()] == ["picture"]


def test_the_folder_of_a_user_is_named_as_romm_names_it() -> None:
    assert user_folder(1) == "users/557365723a31"


def test_a_library_elsewhere_is_never_created(tmp_path: Path) -> None:
    places = Places.at(tmp_path / "data", tmp_path / "games")
    places.create()
    assert places.resources.is_dir()
    assert not places.library.exists()


def test_the_library_in_the_data_folder_is_created(tmp_path: Path) -> None:
    places = Places.at(tmp_path / "data")
    places.create()
    assert places.library.is_dir()
