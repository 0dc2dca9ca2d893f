"""Platforms and firmware."""

from datetime import UTC, datetime

from romm_lite.metadata.catalogue import known
from romm_lite.tables.firmware import Firmware
from romm_lite.wire.firmware import FirmwareSchema
from romm_lite.wire.platforms import PlatformSchema

from .conftest import Home, as_modelled


def add_firmware(home: Home, platform: int, name: str, content: bytes | None = b"bios") -> int:
    stem = name.partition(".")[0]
    if content is not None:
        file = home.settings.places.library / "bios" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    row = Firmware(
        platform_id=platform,
        file_name=name,
        file_name_no_tags=stem,
        file_name_no_ext=stem,
        file_extension="bin",
        file_path="bios",
        file_size_bytes=4,
    )
    return int(home.add(row))


def test_platforms_are_told_by_name(every_home: Home) -> None:
    home = every_home
    snes = home.platform("snes")
    nes = home.platform("nes", custom_name="Famiclone")
    home.platform("my-own-thing")
    home.rom("One.sfc", snes, fs_size_bytes=10)
    home.rom("Two.sfc", snes, fs_size_bytes=3_000_000_000_000)
    second, first = add_firmware(home, snes, "b.bin"), add_firmware(home, snes, "a.bin")
    client = home.client()
    platforms = as_modelled(list[PlatformSchema], client.get("/api/platforms"))
    assert [each["name"] for each in platforms] == sorted(each["name"] for each in platforms)
    by_slug = {each["slug"]: each for each in platforms}
    full = by_slug["snes"]
    assert (full["id"], full["rom_count"], full["fs_size_bytes"]) == (snes, 2, 3_000_000_000_010)
    assert [each["id"] for each in full["firmware"]] == [first, second]
    assert full["firmware_count"] == 2
    assert (full["is_identified"], full["is_unidentified"]) == (True, False)
    assert by_slug["nes"]["display_name"] == "Famiclone"
    assert by_slug["nes"]["rom_count"] == 0
    own = by_slug["my-own-thing"]
    assert (own["name"], own["is_unidentified"]) == ("My Own Thing", True)
    assert client.get("/api/platforms/identifiers").json() == [each["id"] for each in platforms]
    assert as_modelled(PlatformSchema, client.get(f"/api/platforms/{nes}")) == by_slug["nes"]


def test_platform_counts_as_many_roms_as_its_list(every_home: Home) -> None:
    home = every_home
    snes = home.platform("snes")
    home.rom("One.sfc", snes)
    home.keep(home.rom("Two.sfc", snes), hidden=True)
    client = home.client()
    total = client.get("/api/roms", params={"platform_ids": snes}).json()["total"]
    assert client.get(f"/api/platforms/{snes}").json()["rom_count"] == total == 1
    assert client.get("/api/platforms").json()[0]["rom_count"] == 1


def test_platforms_changed_since(every_home: Home) -> None:
    before = datetime(2026, 1, 1, tzinfo=UTC)
    old = every_home.platform("snes", updated_at=before)
    new = every_home.platform("nes")
    client = every_home.client()

    def changed(moment: str) -> list[int]:
        answer = client.get("/api/platforms", params={"updated_after": moment})
        return [each["id"] for each in answer.json()]

    assert changed("2026-01-01T00:00:00Z") == [new]
    assert set(changed("2025-12-31T23:59:59Z")) == {old, new}


def test_change_of_a_platform_is_seen_at_once(home: Home) -> None:
    snes = home.platform("snes")
    client = home.client()
    assert client.get("/api/platforms").json()[0]["rom_count"] == 0
    home.rom("One.sfc", snes)
    assert client.get("/api/platforms").json()[0]["rom_count"] == 1


def test_absent_platform(home: Home) -> None:
    client = home.client()
    answer = client.get("/api/platforms/7")
    detail = "Platform with id '7' not found"
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})
    assert client.get("/api/platforms/0").status_code == 422


def test_supported_platforms_are_the_table_with_the_rows_there_are(every_home: Home) -> None:
    home = every_home
    home.platform("super-nintendo", slug="snes", name="A copy")
    snes = home.platform("snes")
    late = home.platform("nes-2", slug="nes", name="B")
    early = home.platform("nes-1", slug="nes", name="A")
    home.platform("unknown-thing")
    answer = home.client().get("/api/platforms/supported")
    supported = as_modelled(list[PlatformSchema], answer)
    assert [each["slug"] for each in supported] == list(known())
    rows = {each["slug"]: each for each in supported if each["id"] != -1}
    assert {slug: each["id"] for slug, each in rows.items()} == {"snes": snes, "nes": early}
    assert late not in {each["id"] for each in supported}
    stub = next(each for each in supported if each["slug"] == "psx")
    assert (stub["fs_slug"], stub["rom_count"], stub["custom_name"]) == ("psx", 0, None)
    assert (stub["description"], stub["missing_from_fs"]) == (None, False)


def test_folders_no_scan_has_seen(home: Home) -> None:
    for folder in ("snes", "new", "bound"):
        (home.settings.places.library / "roms" / folder).mkdir(parents=True)
    home.settings.places.config_file.write_text("system: {platforms: {bound: psx}}")
    home.platform("snes")
    client = home.client()
    found = as_modelled(list[PlatformSchema], client.get("/api/platforms/filesystem"))
    assert [(each["id"], each["fs_slug"], each["slug"]) for each in found] == [
        (-1, "bound", "psx"),
        (-1, "new", "new"),
    ]


def test_library_that_cannot_be_read_has_no_folders(home: Home) -> None:
    home.settings.places.library.rmdir()
    assert home.client().get("/api/platforms/filesystem").json() == []


def test_firmware(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    last, first = add_firmware(home, snes, "b.bin"), add_firmware(home, nes, "a.bin")
    client = home.client()
    every = as_modelled(list[FirmwareSchema], client.get("/api/firmware"))
    assert [each["id"] for each in every] == [first, last]
    assert every[0]["full_path"] == "bios/a.bin"
    assert client.get("/api/firmware/identifiers").json() == [first, last]
    of_snes = client.get("/api/firmware", params={"platform_id": snes}).json()
    assert [each["id"] for each in of_snes] == [last]
    assert as_modelled(FirmwareSchema, client.get(f"/api/firmware/{last}")) == of_snes[0]
    absent = client.get("/api/firmware/99")
    assert (absent.status_code, absent.json()) == (404, {"detail": "Firmware with ID 99 not found"})
    assert client.get("/api/firmware/0").status_code == 404


def test_firmware_content(home: Home) -> None:
    snes = home.platform("snes")
    url = f"/api/firmware/{add_firmware(home, snes, 'b.bin', b'0123456789')}/content/other.rom"
    client = home.client()
    answer = client.get(url, headers={"range": "bytes=2-3"})
    assert (answer.status_code, answer.content) == (206, b"23")
    assert "UTF-8''b.bin;" in answer.headers["content-disposition"]
    head = client.head(url)
    assert head.headers["content-length"] == "10"
    assert "UTF-8''other.rom;" in head.headers["content-disposition"]
    gone = f"/api/firmware/{add_firmware(home, snes, 'c.bin', None)}/content/c.bin"
    assert client.get(gone).status_code == 404
    assert client.get("/api/firmware/99/content/x").status_code == 404
