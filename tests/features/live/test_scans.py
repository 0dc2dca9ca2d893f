"""What clients hear of a scan, over a real socket, of a real library."""

import asyncio
from typing import Any

import pytest

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import HiddenEntity
from romm_lite.wire.roms import SimpleRomSchema
from tests.features.live.conftest import Event, House, play

COUNTS = [
    *("total_platforms", "total_roms", "scanned_platforms", "new_platforms"),
    *("identified_platforms", "scanned_roms", "new_roms", "identified_roms"),
    *("scanned_firmware", "new_firmware"),
]
ALL = ("Moss (Europe).sfc", "Fern.sfc", "Ivy.pkg")
LEFT_OUT = {"created_at", "updated_at", "rom_user", "last_modified", "files", "sibling_roms"}


@pytest.fixture(scope="module")
def heard(house: House) -> list[Event]:
    """What is heard of the first scan."""
    house.put("roms/snes/Moss (Europe).sfc")
    house.put("roms/snes/Fern.sfc")
    house.put("roms/ps4/Ivy.pkg")
    house.put("bios/snes/chip.bin")
    return [event for event in house.scan() if event[0] != "logs:entry"]


def told(heard: list[Event], name: str) -> list[Any]:
    return [payload for each, payload in heard if each == name]


def test_the_totals_come_first_and_all_counts_last(heard: list[Event]) -> None:
    first, last = heard[0], heard[-1]
    assert (first[0], last[0]) == ("scan:update_stats", "scan:done")
    assert list(first[1]) == list(last[1]) == COUNTS
    assert first[1] == {**dict.fromkeys(COUNTS, 0), "total_platforms": 2, "total_roms": 3}
    counted = ("scanned_platforms", "new_platforms", "scanned_roms", "new_roms", "new_firmware")
    assert [last[1][name] for name in counted] == [2, 2, 3, 3, 1]


def test_each_platform_is_told_of_once_before_its_roms(heard: list[Event]) -> None:
    platforms = {each["fs_slug"]: each for each in told(heard, "scan:scanning_platform")}
    assert sorted(platforms) == ["ps4", "snes"]
    assert len(told(heard, "scan:scanning_platform")) == 2
    snes = platforms["snes"]
    assert {name: snes[name] for name in ("slug", "new_firmware_count", "firmware_count")} == {
        "slug": "snes",
        "new_firmware_count": 1,
        "firmware_count": 1,
    }
    assert {"id", "name", "display_name", "is_identified"} <= set(snes)
    seen: set[int] = set()
    for name, payload in heard:
        if name == "scan:scanning_platform":
            seen.add(payload["id"])
        elif name == "scan:scanning_rom":
            assert payload["platform_id"] in seen


def test_each_rom_is_told_of_when_begun_and_when_done(heard: list[Event]) -> None:
    stages: dict[str, list[bool]] = {}
    for rom in told(heard, "scan:scanning_rom"):
        stages.setdefault(rom["fs_name"], []).append(rom["is_identifying"])
    assert stages == {name: [True, False] for name in ALL}


def test_a_rom_is_a_simple_rom_but_for_what_is_left_out(heard: list[Event]) -> None:
    roms = told(heard, "scan:scanning_rom")
    assert set(roms[0]) == set(SimpleRomSchema.model_fields) - LEFT_OUT
    done = {rom["fs_name"]: rom for rom in roms if not rom["is_identifying"]}
    assert done["Moss (Europe).sfc"]["regions"] == ["Europe"]
    assert len(done["Moss (Europe).sfc"]["md5_hash"]) == 32


def test_an_unchanged_library_is_scanned_without_a_word_of_its_roms(
    house: House, heard: list[Event]
) -> None:
    again = house.scan()
    assert told(again, "scan:scanning_rom") == []
    assert again[-1][0] == "scan:done"
    assert again[-1][1]["new_roms"] == 0


def test_hidden_roms_reach_nobody_they_are_hidden_from(house: House, heard: list[Event]) -> None:
    with house.database.write() as session:
        hidden: dict[str, Any] = {"entity": Entity.ROMS, "entity_id": house.rom("Fern.sfc")}
        session.add(HiddenEntity(user_id=house.ids["ann"], **hidden))

    async def scenario() -> None:
        async with house.listen() as root, house.listen("ann") as ann, house.listen("bob") as bob:
            await root.ask("scan", {"type": "complete"})
            for ear in (root, ann, bob):
                await ear.hear("scan:done")
            named = [{rom["fs_name"] for rom in e.told("scan:scanning_rom")} for e in (root, bob)]
            assert named == [set(ALL)] * 2
            heard = {rom["fs_name"] for rom in ann.told("scan:scanning_rom")}
            assert heard == {"Moss (Europe).sfc", "Ivy.pkg"}

    play(scenario())


@pytest.mark.parametrize("event", ["scan", "scan:stop"])
def test_who_may_not_run_scans_is_told_so_alone(house: House, event: str) -> None:
    async def scenario() -> None:
        async with house.listen() as root, house.listen("ann") as ann, house.listen(None) as nobody:
            for ear in (ann, nobody):
                assert await ear.ask(event, {"type": "quick"}) is None
                assert await ear.hear("scan:done_ko") == "You are not authorized to run scans"
            await asyncio.sleep(0.1)
            assert [name for name in root.names() if name != "logs:entry"] == []

    play(scenario())


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"type": "sideways"}, "Invalid scan type: sideways"),
        ({"platforms": [999]}, "There is no such platform or ROM to scan"),
        ({"platforms": "all"}, "Invalid scan platforms: "),
        ("now", "Invalid scan options: "),
    ],
)
def test_what_cannot_be_scanned_is_told_to_who_asked(
    house: House, heard: list[Event], payload: Any, said: str
) -> None:
    async def scenario() -> None:
        async with house.listen() as root:
            await root.ask("scan", payload)
            assert (await root.hear("scan:done_ko")).startswith(said)

    play(scenario())


def test_platforms_are_named_by_id_or_folder(house: House, heard: list[Event]) -> None:
    async def scenario(options: dict[str, Any]) -> None:
        async with house.listen() as root:
            await root.ask("scan", options)
            done = await root.hear("scan:done")
            assert done["total_platforms"] == 1

    snes = told(heard, "scan:scanning_rom")[0]["platform_id"]
    play(scenario({"platforms": [snes]}))
    play(scenario({"platform_fs_slugs": ["ps4"], "type": "Quick"}))


def test_roms_are_scanned_alone_and_without_a_word_of_their_platforms(
    house: House, heard: list[Event]
) -> None:
    async def scenario() -> None:
        async with house.listen() as root:
            rom_id = house.rom("Moss (Europe).sfc")
            await root.ask("scan", {"roms_ids": [rom_id], "apis": ["igdb"], "type": "complete"})
            done = await root.hear("scan:done")
            assert (done["total_roms"], done["scanned_roms"]) == (1, 1)
            assert {rom["id"] for rom in root.told("scan:scanning_rom")} == {rom_id}
            assert "scan:scanning_platform" not in root.names()

    play(scenario())


def test_a_scan_is_stopped_and_tells_what_it_found(house: House, heard: list[Event]) -> None:
    huge = house.put("roms/nes/Huge.nes")
    with huge.open("r+b") as file:
        file.truncate(64 << 30)

    async def scenario() -> None:
        async with house.listen() as root:
            await root.ask("scan", {"platform_fs_slugs": ["nes"]})
            await root.hear("scan:scanning_rom")
            assert await root.ask("scan:stop") is None
            assert (await root.hear("scan:done"))["new_roms"] == 1
            assert "scan:done_ko" not in root.names()

    play(scenario())
    huge.unlink()


def test_a_library_that_is_gone_is_told(house: House, heard: list[Event]) -> None:
    library = house.settings.places.library
    library.rename(library.with_name("elsewhere"))
    library.mkdir()
    try:

        async def scenario() -> None:
            async with house.listen() as root:
                await root.ask("scan")
                assert "no platform folder" in await root.hear("scan:done_ko")

        play(scenario())
    finally:
        library.rmdir()
        library.with_name("elsewhere").rename(library)
