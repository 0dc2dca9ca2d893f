"""What each kind of scan goes through, reads and adds; scans of chosen games."""

import shutil
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from romm_lite.disk.config import ConfigFile
from romm_lite.disk.layout import Layout
from romm_lite.features.scan.kinds import MOST_ROMS, OFFERED, ScanKind, ScanRequest, Status
from romm_lite.features.scan.matching import select_roms
from romm_lite.features.scan.runs import Run
from romm_lite.features.scan.scan import PlatformFolder, Scan
from romm_lite.features.scan.service import find_folders
from romm_lite.kernel.errors import Invalid
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.roms import ROM_SOURCES, ROMS
from tests.features.scan.conftest import Shelf, md5, stop_in, touch

ASKING = (ScanKind.UPDATE, ScanKind.UNMATCHED)
CHANGED_ONLY = (ScanKind.QUICK, *ASKING)


def spoil(shelf: Shelf) -> None:
    """Give every ROM and firmware a hash that reading it would put right."""
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(md5_hash="spoilt"))


def fill(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss (USA).sfc", "moss")
    shelf.put("roms/snes/Folder/a.bin", "a")
    shelf.put("roms/nes/Fern.nes", "fern")
    shelf.put("bios/nes/chip.bin")


@pytest.mark.parametrize("kind", OFFERED)
def test_an_unchanged_library_is_scanned_without_a_write(shelf: Shelf, kind: ScanKind) -> None:
    fill(shelf)
    shelf.scan_well()
    with shelf.noting_writes() as writes:
        assert shelf.scan(kind).status == Status.DONE
    assert writes == []


@pytest.mark.parametrize("kind", CHANGED_ONLY)
def test_only_what_changed_is_read(shelf: Shelf, kind: ScanKind) -> None:
    fill(shelf)
    shelf.scan_well()
    spoil(shelf)
    shelf.put("roms/nes/Fern.nes", "another fern")
    touch(shelf.root / "roms/snes/Folder/a.bin")
    shelf.scan(kind)
    roms = shelf.roms()
    assert roms["Fern.nes"].md5_hash == md5(b"another fern")
    assert roms["Folder"].md5_hash == md5(b"a")
    assert roms["Moss (USA).sfc"].md5_hash == "spoilt"


@pytest.mark.parametrize("kind", [ScanKind.HASHES, ScanKind.COMPLETE])
def test_everything_is_read(shelf: Shelf, kind: ScanKind) -> None:
    fill(shelf)
    shelf.scan_well()
    spoil(shelf)
    with shelf.database.write() as session:
        session.execute(update(FIRMWARE).values(md5_hash="spoilt"))
    shelf.scan_well(kind)
    assert {rom.md5_hash for rom in shelf.roms().values()} == {
        md5(b"moss"),
        md5(b"a"),
        md5(b"fern"),
    }
    assert [row.md5_hash for row in shelf.rows(select(FIRMWARE))] == [md5(b"content")]


def test_hashes_leaves_what_names_tell(shelf: Shelf) -> None:
    fill(shelf)
    shelf.scan_well()
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(regions=["Mars"]))
    shelf.scan_well(ScanKind.HASHES)
    assert shelf.roms()["Moss (USA).sfc"].regions == ["Mars"]
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.roms()["Moss (USA).sfc"].regions == ["USA"]


def test_a_scan_of_hashes_goes_on_where_it_was_stopped(shelf: Shelf) -> None:
    shelf.put("roms/nes/Fern.nes", "fern")
    shelf.put("roms/snes/Moss.sfc", "moss")
    shelf.scan_well()
    shelf.put_huge("roms/snes/Moss.sfc")
    shelf.scan(ScanKind.HASHES, started=stop_in("hashes", lambda run: run.done_up_to >= 1))
    spoil(shelf)
    shelf.put("roms/snes/Moss.sfc", "moss")
    shelf.scan_well(ScanKind.HASHES)
    assert {name: rom.md5_hash for name, rom in shelf.roms().items()} == {
        "Fern.nes": "spoilt",
        "Moss.sfc": md5(b"moss"),
    }


@pytest.mark.parametrize("kind", ASKING)
def test_what_is_about_known_games_adds_none(shelf: Shelf, kind: ScanKind) -> None:
    fill(shelf)
    gone = shelf.put("roms/nes/Gone.nes", "gone")
    shelf.scan_well()
    shelf.put("roms/nes/New.nes", "new")
    shelf.put("roms/wii/New.iso", "new")
    gone.unlink()
    outcome = shelf.scan(kind)
    assert (outcome.stats.new_roms, outcome.stats.new_platforms) == (0, 0)
    assert outcome.stats.scanned_roms == outcome.stats.total_roms == 4
    assert set(shelf.platforms()) == {"nes", "snes"}
    assert shelf.missing() == {"Gone.nes"}
    shelf.scan_well()
    assert {"New.nes", "New.iso"} < set(shelf.roms())


def test_without_a_provider_it_is_told_where_one_is_asked(shelf: Shelf) -> None:
    fill(shelf)
    for kind in OFFERED:
        problems = shelf.scan(kind).problems
        assert len(problems) == (kind in ASKING), kind
        assert all("there is none" in problem for problem in problems)


def test_new_platforms_are_taken_and_known_ones_skipped(every_shelf: Shelf) -> None:
    shelf = every_shelf
    moss = shelf.put("roms/snes/Moss.sfc", "old")
    shelf.scan_well()
    moss.write_text("a newer one")
    shelf.put("roms/nes/Fern.nes", "fern")
    outcome = shelf.scan_well(ScanKind.NEW_PLATFORMS)
    stats = outcome.stats
    assert (stats.total_platforms, stats.scanned_platforms, stats.new_platforms) == (1, 1, 1)
    assert (stats.total_roms, stats.new_roms) == (1, 1)
    roms = shelf.roms()
    assert roms["Fern.nes"].md5_hash == md5(b"fern")
    assert roms["Moss.sfc"].md5_hash == md5(b"old")


def test_a_new_platform_in_which_a_scan_failed_is_still_new(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    shelf.put("roms/nes/Fern.nes")

    def fail(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO roms "):
            raise RuntimeError("as if the process had died")

    event.listen(shelf.database.engine, "before_cursor_execute", fail)
    assert shelf.scan(ScanKind.NEW_PLATFORMS).status == Status.FAILED
    event.remove(shelf.database.engine, "before_cursor_execute", fail)
    assert set(shelf.platforms()) == {"nes", "snes"}
    assert set(shelf.roms()) == {"Moss.sfc"}
    assert shelf.scan_well(ScanKind.NEW_PLATFORMS).stats.new_roms == 1
    assert shelf.scan_well(ScanKind.NEW_PLATFORMS).stats.scanned_platforms == 0


def test_chosen_games_are_read_anew_and_nothing_else(every_shelf: Shelf) -> None:
    shelf = every_shelf
    fill(shelf)
    shelf.scan_well()
    before = shelf.roms()
    spoil(shelf)
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(regions=["Mars"]))
    shelf.put("roms/snes/New.sfc", "new")
    shutil.rmtree(shelf.root / "roms/snes/Folder")
    moss = before["Moss (USA).sfc"].id
    outcome = shelf.scan(roms=(moss, before["Fern.nes"].id, 4711))
    assert outcome.problems == ["There is no game with the id 4711."]
    assert (outcome.stats.scanned_roms, outcome.stats.total_roms) == (2, 2)
    assert outcome.stats.scanned_firmware == 0
    roms = shelf.roms()
    assert set(roms) == set(before)
    assert shelf.missing() == set()
    assert roms["Moss (USA).sfc"].md5_hash == md5(b"moss")
    assert roms["Moss (USA).sfc"].regions == ["USA"]
    assert (roms["Folder"].md5_hash, roms["Folder"].regions) == ("spoilt", ["Mars"])


def test_a_chosen_game_that_is_gone_is_missing_and_counted(shelf: Shelf) -> None:
    fill(shelf)
    shelf.scan_well()
    rom = shelf.roms()["Fern.nes"].id
    (shelf.root / "roms/nes/Fern.nes").unlink()
    (shelf.root / "roms/snes/Moss (USA).sfc").unlink()
    outcome = shelf.scan(roms=(rom,))
    assert (outcome.stats.scanned_roms, outcome.stats.total_roms) == (1, 1)
    assert shelf.missing() == {"Fern.nes"}


def test_a_chosen_game_is_not_missing_with_its_whole_folder(shelf: Shelf) -> None:
    fill(shelf)
    shelf.scan_well()
    (shelf.root / "roms/nes").rename(shelf.places.data / "unmounted")
    outcome = shelf.scan(roms=(shelf.roms()["Fern.nes"].id,))
    assert outcome.status == Status.DONE
    assert "nothing of platform nes was marked missing" in outcome.problems[0]
    assert shelf.missing() == set()


def test_too_many_games_are_refused() -> None:
    with pytest.raises(Invalid, match="scan their platforms"):
        ScanRequest(roms=tuple(range(MOST_ROMS + 1)))


def test_what_is_asked_for_is_stored_and_read_back() -> None:
    for request in (
        ScanRequest(),
        ScanRequest(ScanKind.UPDATE, ("nes",), sources=("igdb",)),
        ScanRequest(ScanKind.HASHES, roms=(1, 2), sources=()),
        ScanRequest(platforms=()),
        ScanRequest.of_files({"nes": ["Fern.nes"]}, 30),
    ):
        assert ScanRequest.of_scope(request.kind, request.scope) == request


def test_requests_are_joined_where_one_scan_does_for_both() -> None:
    nes, roms = ScanRequest(platforms=("nes",)), ScanRequest(roms=(3,))
    assert nes.join(ScanRequest()) == ScanRequest()
    assert roms.join(ScanRequest(roms=(1, 3))) == ScanRequest(roms=(1, 3))
    assert nes.join(roms) is None
    assert ScanRequest().join(roms) is None
    assert nes.join(ScanRequest(platforms=("nes",), sources=("igdb",))) is None


def test_platforms_are_found_by_their_ids(shelf: Shelf) -> None:
    fill(shelf)
    shelf.scan_well()
    ids = [row.id for row in shelf.platforms().values()]
    assert find_folders(shelf.database, [*ids, 4711]) == ["nes", "snes"]


ASKED_ABOUT: list[tuple[ScanKind, list[str], set[str]]] = [
    (ScanKind.QUICK, ["igdb"], {"New"}),
    (ScanKind.UPDATE, ["igdb"], {"Igdb"}),
    (ScanKind.UPDATE, ["igdb", "sgdb"], {"Igdb"}),
    (ScanKind.UPDATE, ["moby"], set()),
    (ScanKind.UPDATE, [], set()),
    (ScanKind.UNMATCHED, ["igdb"], {"Sgdb", "Moss", "New"}),
    (ScanKind.UNMATCHED, ["igdb", "playmatch"], {"Igdb", "Sgdb", "Moss", "New"}),
    (ScanKind.UNMATCHED, [], set()),
    (ScanKind.HASHES, [], {"Igdb", "Sgdb", "Moss", "New"}),
    (ScanKind.COMPLETE, [], {"Igdb", "Sgdb", "Moss", "New"}),
]


def test_the_games_that_providers_are_asked_about(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for name in ("Igdb", "Sgdb", "Moss", "Gone"):
        shelf.put(f"roms/snes/{name}", name)
    shelf.scan_well()
    identify(shelf, "Igdb", "igdb")
    identify(shelf, "Sgdb", "sgdb")
    (shelf.root / "roms/snes/Gone").unlink()
    known = max(rom.id for rom in shelf.roms().values())
    shelf.put("roms/snes/New", "new")
    shelf.scan_well()
    for kind, sources, names in ASKED_ABOUT:
        scan = make_scan(shelf, kind, last_known=known)
        found = shelf.rows(select(ROMS).where(select_roms(scan, sources)))
        assert {rom.fs_name for rom in found} == names, (kind, sources)


def make_scan(shelf: Shelf, kind: ScanKind, *, last_known: int) -> Scan:
    """A scan that has been through the names."""
    config = ConfigFile(shelf.places.config_file).read()
    platforms = shelf.platforms().values()
    return Scan(
        database=shelf.database,
        layout=Layout(shelf.root, config),
        config=config,
        run=Run(1, kind, "here"),
        wanted=None,
        files=None,
        is_of_roms=False,
        is_settled=False,
        sources=None,
        last_known=last_known,
        workers=1,
        seven_zip_timeout=1,
        places=shelf.places,
        platforms={row.id: PlatformFolder(row.id, row.fs_slug, row.slug) for row in platforms},
    )


def identify(shelf: Shelf, fs_name: str, source: str) -> None:
    rom = shelf.roms()[fs_name]
    values = {"rom_id": rom.id, "platform_id": rom.platform_id, "source": source}
    with shelf.database.write() as session:
        session.execute(insert(ROM_SOURCES).values(**values, external_id="7"))


def test_identified_games_are_counted_among_those_that_are_asked_about(shelf: Shelf) -> None:
    fill(shelf)
    shelf.scan_well()
    identify(shelf, "Fern.nes", "igdb")
    identify(shelf, "Folder", "sgdb")
    counted = {kind: shelf.scan(kind).stats.identified_roms for kind in OFFERED}
    assert counted == {
        **dict.fromkeys(OFFERED, 0),
        ScanKind.COMPLETE: 1,
        ScanKind.HASHES: 1,
    }


def test_a_folder_has_the_same_hash_in_whatever_order_its_files_came(every_shelf: Shelf) -> None:
    shelf = every_shelf
    names = [f"disc {number}.bin" for number in range(20)]
    orders = {"One": names, "Two": names[::-1], "Three": [*names[10:], *names[:10]]}
    for folder, order in orders.items():
        for name in order:
            shelf.put(f"roms/psx/{folder}/{name}", name)
    shelf.put("roms/psx/Late/disc 9.bin", "disc 9.bin")
    shelf.scan_well()
    for name in names:
        shelf.put(f"roms/psx/Late/{name}", name)
    shelf.scan_well()
    expected = md5("".join(sorted(names)).encode())
    hashes = {name: rom.md5_hash for name, rom in shelf.roms().items()}
    assert hashes == dict.fromkeys([*orders, "Late"], expected)
