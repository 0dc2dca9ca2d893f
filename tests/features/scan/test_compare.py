"""Which file of a ROM is which, after the disk changed."""

from romm_lite.disk.layout import RomFile
from romm_lite.features.scan.compare import FileChanges, KnownFile, compare

ROOT = "roms/ps2/Game"


def known(key: int, place: str, size: int = 1, ns: int = 1, *, top: bool = True) -> KnownFile:
    folder, _, name = f"{ROOT}/{place}".rpartition("/")
    return KnownFile(key, 1, name, folder, size, ns, None, top, False)


def found(place: str, size: int = 1, ns: int = 1, *, top: bool = True) -> RomFile:
    folder, _, name = f"{ROOT}/{place}".rpartition("/")
    return RomFile(name, folder, size, ns, top, None)


def test_nothing_changed() -> None:
    changes = compare([known(1, "a"), known(2, "b")], ROOT, [found("a"), found("b")], ROOT)
    assert changes == FileChanges()


def test_another_size_voids_the_hashes() -> None:
    changes = compare([known(1, "a")], ROOT, [found("a", size=2)], ROOT)
    assert changes.voids_rom
    assert changes.changed[1]["file_size_bytes"] == 2
    assert changes.changed[1]["md5_hash"] is None
    assert changes.changed[1]["hashed"] is False


def test_another_mtime_only_asks_for_reading_again() -> None:
    changes = compare([known(1, "a")], ROOT, [found("a", ns=2)], ROOT)
    assert not changes.voids_rom
    assert changes.changed == {1: {"modified_ns": 2, "hashed": False}}


def test_all_files_directly_in_the_folder_are_read_again_together() -> None:
    before = [known(1, "a"), known(2, "b"), known(3, "dlc/c", top=False)]
    after = [found("a", ns=2), found("b"), found("dlc/c", top=False)]
    changes = compare(before, ROOT, after, ROOT)
    assert changes.changed == {1: {"modified_ns": 2, "hashed": False}, 2: {"hashed": False}}


def test_a_nested_file_concerns_nobody_else() -> None:
    before = [known(1, "a"), known(2, "dlc/b", top=False)]
    after = [found("a"), found("dlc/b", ns=2, top=False), found("dlc/c", size=9, top=False)]
    changes = compare(before, ROOT, after, ROOT)
    assert changes.changed == {2: {"modified_ns": 2, "hashed": False}}
    assert changes.new == [after[2]]
    assert not changes.voids_rom


def test_a_moved_file_keeps_its_id() -> None:
    before = [known(1, "a"), known(2, "dlc/old", size=5, ns=7, top=False)]
    after = [found("a"), found("dlc/new", size=5, ns=7, top=False)]
    changes = compare(before, ROOT, after, ROOT)
    assert changes == FileChanges(changed={2: {"file_name": "new"}})


def test_two_that_could_be_meant_are_not_guessed() -> None:
    before = [known(1, "dlc/a", top=False), known(2, "dlc/b", top=False)]
    after = [found("dlc/c", top=False)]
    changes = compare(before, ROOT, after, ROOT)
    assert (changes.gone, changes.new, changes.changed) == ([1, 2], after, {})


def test_another_root_is_only_another_path() -> None:
    before = [known(1, "a")]
    other = "ps2/roms/Other"
    after = [RomFile("a", other, 1, 1, True, None)]
    assert compare(before, ROOT, after, other).changed == {1: {"file_path": other}}
