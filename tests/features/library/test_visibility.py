"""What is hidden reads everywhere as if it were not there."""

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from romm_lite.features.library.stats import count_library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Entity
from romm_lite.tables.assets import Save
from romm_lite.tables.firmware import Firmware
from romm_lite.tables.permissions import HiddenEntity, PermissionGrant, PermissionGroup
from romm_lite.tables.rom_users import RomNote
from romm_lite.web.static import Audience

from .conftest import Home, ids
from .walk import Shelves, expect


class Shelf:
    """A ROM with a file and a note, on a platform with firmware, and another to be seen by all."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.platform = home.platform("snes")
        self.other = home.platform("nes")
        self.rom = home.rom(
            "One.sfc",
            self.platform,
            known={"igdb": (1, {})},
            crc_hash="0000aaaa",
            facets={"regions": ["USA", "Europe"]},
        )
        self.seen = home.rom("Two.nes", self.other, facets={"regions": ["USA"]})
        self.file = home.file(self.rom, "roms/snes/One.sfc", b"123")
        home.file(self.seen, "roms/nes/Two.nes", b"1")
        home.add(RomNote(rom_id=self.rom, user_id=home.users["ann"], title="T"))
        home.add(
            Save(
                rom_id=self.rom,
                user_id=home.users["ann"],
                file_name="a",
                file_name_no_tags="a",
                file_name_no_ext="a",
                file_path="x",
            )
        )
        self.firmware = home.add(
            Firmware(
                platform_id=self.platform,
                file_name="bios.bin",
                file_name_no_tags="bios",
                file_name_no_ext="bios",
                file_extension="bin",
                file_path="bios/snes",
            )
        )
        bios = home.settings.places.library / "bios/snes/bios.bin"
        bios.parent.mkdir(parents=True)
        bios.write_bytes(b"b")

    def paths(self) -> dict[str, str]:
        """Address by the text of its 404."""
        rom, file = f"/api/roms/{self.rom}", f"/api/roms/{self.file}/files"
        no_rom = f"Rom with id '{self.rom}' not found"
        return {
            rom: no_rom,
            f"{rom}/simple": no_rom,
            f"{rom}/content": no_rom,
            f"{rom}/content/One.sfc": no_rom,
            f"{rom}/notes": no_rom,
            f"{rom}/notes/identifiers": no_rom,
            file: "File not found",
            f"{file}/content/One.sfc": "File not found",
            "/api/roms/by-hash?crc_hash=0000aaaa": "No ROM or file found with given hash values",
            "/api/roms/by-metadata-provider?igdb_id=1": "ROM not found with given metadata IDs",
            f"/api/roms/download?rom_ids={self.rom}": "No ROMs found with the provided IDs",
            f"/api/roms/download?platform_id={self.platform}": "No ROMs found to download",
        }

    def platform_paths(self) -> dict[str, str]:
        no_firmware = f"Firmware with ID {self.firmware} not found"
        return {
            f"/api/platforms/{self.platform}": f"Platform with id '{self.platform}' not found",
            f"/api/firmware/{self.firmware}": no_firmware,
            f"/api/firmware/{self.firmware}/content/bios.bin": no_firmware,
        }


@pytest.fixture
def shelf(every_home: Home) -> Shelf:
    return Shelf(every_home)


def check_seen(client: TestClient, paths: dict[str, str]) -> None:
    for path in paths:
        assert client.get(path).status_code == 200, path


def check_absent(client: TestClient, paths: dict[str, str]) -> None:
    for path, detail in paths.items():
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": detail}), path


@pytest.mark.parametrize("through_group", [True, False])
def test_hidden_rom_is_nowhere(shelf: Shelf, through_group: bool) -> None:
    client = shelf.home.client()
    check_seen(client, shelf.paths())
    shelf.home.hide(Entity.ROMS, shelf.rom, user=None if through_group else "ann")
    check_absent(client, shelf.paths())
    check_seen(client, shelf.platform_paths())
    assert ids(client.get("/api/roms")) == [shelf.seen]
    assert client.get("/api/roms/identifiers").json() == [shelf.seen]
    assert client.get(f"/api/platforms/{shelf.platform}").json()["rom_count"] == 0
    check_seen(shelf.home.client("root"), shelf.paths())
    bob = shelf.home.client("bob").get(f"/api/roms/{shelf.rom}")
    assert bob.status_code == (404 if through_group else 200)


@pytest.mark.parametrize("through_group", [True, False])
def test_hidden_platform_takes_everything_with_it(shelf: Shelf, through_group: bool) -> None:
    client = shelf.home.client()
    check_seen(client, shelf.platform_paths())
    shelf.home.hide(Entity.PLATFORMS, shelf.platform, user=None if through_group else "ann")
    check_absent(client, {**shelf.paths(), **shelf.platform_paths()})
    assert ids(client.get("/api/roms")) == [shelf.seen]
    assert client.get("/api/platforms/identifiers").json() == [shelf.other]
    assert [each["id"] for each in client.get("/api/platforms").json()] == [shelf.other]
    supported = {each["slug"]: each["id"] for each in client.get("/api/platforms/supported").json()}
    assert (supported["snes"], supported["nes"]) == (-1, shelf.other)
    assert client.get("/api/firmware").json() == []
    assert client.get("/api/firmware/identifiers").json() == []
    check_seen(shelf.home.client("root"), {**shelf.paths(), **shelf.platform_paths()})


@pytest.mark.parametrize("through_group", [True, False])
def test_hidden_roms_are_found_by_nothing(every_home: Home, through_group: bool) -> None:
    shelves = Shelves(every_home, [None] * 4)
    expect(shelves, "ann", shelves.roms)
    for name in ("alpha", "delta"):
        every_home.hide(Entity.ROMS, shelves.roms[name], user=None if through_group else "ann")
    expect(shelves, "ann", {"bravo", "charlie"})
    expect(shelves, "root", shelves.roms)


def test_roms_of_a_hidden_platform_are_found_by_nothing(every_home: Home) -> None:
    shelves = Shelves(every_home, [None] * 4)
    every_home.hide(Entity.PLATFORMS, shelves.platforms[0])
    expect(shelves, "ann", {"charlie", "delta"})


def test_another_group_hides_other_things(home: Home) -> None:
    """As many as the one before, by rules that are older than a rule about the user alone."""
    shelves = Shelves(home, [None] * 4)
    groups = {name: home.add(PermissionGroup(name=name)) for name in ("alpha", "bravo")}
    for name, group in groups.items():
        home.rule(HiddenEntity(entity="roms", entity_id=shelves.roms[name], group_id=group))
        for entity in ("roms", "platforms", "collections"):
            home.rule(PermissionGrant(group_id=group, entity=entity, action="read"))
    home.hide(Entity.ROMS, shelves.roms["delta"])
    client = home.client()
    for name, seen in (("alpha", "bravo"), ("bravo", "alpha")):
        home.change_user("ann", permission_group_id=groups[name])
        assert ids(client.get("/api/roms")) == [shelves.roms[seen], shelves.roms["charlie"]]


def test_strangers_see_downloads_alone_and_only_when_these_are_open(shelf: Shelf) -> None:
    public = {
        path: text
        for path, text in {**shelf.paths(), **shelf.platform_paths()}.items()
        if not path.startswith(("/api/roms/download", "/api/platforms"))
        and "notes" not in path
        and not path.endswith("/files")
    }
    closed = shelf.home.client(None)
    for path in public:
        assert closed.get(path).status_code == 401, path
    stranger = shelf.home.client(None, open_downloads=True)
    check_seen(stranger, public)
    assert stranger.get("/api/roms").status_code == 401
    assert stranger.get(f"/api/roms/{shelf.rom}/notes").status_code == 401
    rom = stranger.get(f"/api/roms/{shelf.rom}").json()
    assert (rom["all_user_notes"], rom["has_notes"]) == ([], False)
    assert (rom["user_saves"], rom["all_user_saves"]) == ([], [])
    assert rom["rom_user"]["user_id"] == -1


def test_figures_count_what_is_seen(shelf: Shelf) -> None:
    def count(user: str) -> dict[str, object]:
        with shelf.home.database.read() as session:
            view = View.open(session, shelf.home.library, shelf.home.identify(user))
            return count_library(view, by_platform=True)

    shelf.home.hide(Entity.ROMS, shelf.rom)
    assert {k: v for k, v in count("ann").items() if isinstance(v, int)} == {
        "PLATFORMS": 1,
        "ROMS": 1,
        "SAVES": 0,
        "STATES": 0,
        "SCREENSHOTS": 0,
        "TOTAL_FILESIZE_BYTES": 1,
    }
    everything = count("root")
    assert (everything["PLATFORMS"], everything["ROMS"], everything["SAVES"]) == (2, 2, 1)
    assert everything["TOTAL_FILESIZE_BYTES"] == 4
    assert everything["METADATA_COVERAGE"] == {
        str(shelf.platform): [{"source": "igdb", "matched": 1}]
    }
    usa = {"region": "USA", "count": 1}
    europe = {"region": "Europe", "count": 1}
    assert everything["REGION_BREAKDOWN"] == {
        str(shelf.platform): [europe, usa],
        str(shelf.other): [usa],
    }


def test_artwork_of_what_is_hidden_from_somebody_needs_credentials(home: Home) -> None:
    shelf = Shelf(home)
    cover = f"roms/{shelf.platform}/{shelf.rom}/cover/big.png"

    def may_see(user: str | None, path: str = cover) -> bool:
        request = Request({"type": "http", "user": home.identify(user)})
        return home.library.find_audience(request, path) != Audience.NOBODY

    assert may_see(None)
    assert may_see("ann")
    home.hide(Entity.ROMS, shelf.rom)
    assert not may_see(None)
    assert not may_see(None, f"./ROMS//{shelf.platform}/./{shelf.rom}/cover/big.png")
    assert not may_see("ann")
    assert may_see("bob")
    assert may_see("root")
    assert may_see(None, f"roms/{shelf.other}/{shelf.seen}/cover/big.png")
    assert may_see(None, "collections/1/cover/big.png")
    home.hide(Entity.PLATFORMS, shelf.other, user=None)
    assert not may_see("bob", f"roms/{shelf.other}/{shelf.seen}/cover/big.png")
