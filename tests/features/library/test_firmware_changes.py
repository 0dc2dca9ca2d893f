"""Taking in firmware over HTTP."""

import hashlib
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from httpx2 import Response

from romm_lite.kernel.resources import facts
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.trash import TRASH

from .conftest import Home
from .keepsakes import dump, fill_rom, grant, list_disk, rows_of, scan


def upload(home: Home, platform: int, *files: tuple[str, bytes], user: str = "root") -> Response:
    parts = [("files", (name, BytesIO(content))) for name, content in files]
    return home.client(user).post("/api/firmware", params={"platform_id": platform}, files=parts)


def store(home: Home, platform: int, *files: tuple[str, bytes]) -> dict[str, Any]:
    answer = upload(home, platform, *files)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def shelve(home: Home, fs_slug: str = "psx") -> int:
    """A platform whose folder is there."""
    platform = home.platform(fs_slug)
    (home.settings.places.library / "roms" / fs_slug).mkdir(parents=True)
    return platform


def refuse(home: Home, platform: int, *files: tuple[str, bytes], user: str = "root") -> Response:
    """That nothing changes; what is answered."""
    before, disk = dump(home), list_disk(home)
    answer = upload(home, platform, *files, user=user)
    assert answer.status_code >= 400
    assert (dump(home), list_disk(home)) == (before, disk)
    return answer


def test_firmware_is_stored_with_its_hashes(every_home: Home) -> None:
    home = every_home
    platform = shelve(home)
    told = store(home, platform, ("b (Rev 2).bin", b"bbb"), ("a.rom", b"a"))
    assert told["uploaded"] == 2
    first, second = told["firmware"]
    assert (first["file_name"], first["file_size_bytes"]) == ("a.rom", 1)
    assert second["full_path"] == "bios/psx/b (Rev 2).bin"
    assert (second["file_name_no_tags"], second["file_extension"]) == ("b", "bin")
    assert second["sha1_hash"] == hashlib.sha1(b"bbb").hexdigest()
    assert second["md5_hash"] == hashlib.md5(b"bbb").hexdigest()
    assert second["crc_hash"] == f"{crc32(b'bbb'):08x}"
    assert (second["is_verified"], second["missing_from_fs"]) == (False, False)
    assert list_disk(home) == {"bios/psx/a.rom": b"a", "bios/psx/b (Rev 2).bin": b"bbb"}
    before = dump(home)
    scan(home)
    assert dump(home) == before


def test_a_known_dump_is_verified(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"chip"
    known = [len(content), "", hashlib.md5(content).hexdigest(), ""]
    monkeypatch.setitem(facts("known_bios"), "psx", {"chip.bin": [known]})
    told = store(home, shelve(home), ("chip.bin", content), ("Chip.bin", content))
    assert {each["file_name"]: each["is_verified"] for each in told["firmware"]} == {
        "chip.bin": True,
        "Chip.bin": False,
    }


def test_what_was_there_goes_into_the_trash(every_home: Home) -> None:
    home = every_home
    platform = shelve(home)
    (old,) = store(home, platform, ("chip.bin", b"old"))["firmware"]
    (new,) = store(home, platform, ("chip.bin", b"newer"))["firmware"]
    assert (new["id"], new["file_size_bytes"]) == (old["id"], 5)
    assert new["sha1_hash"] == hashlib.sha1(b"newer").hexdigest()
    assert list_disk(home) == {
        "bios/psx/chip.bin": b"newer",
        ".romm_lite_trash/room/chip.bin": b"old",
    }
    client = home.client("root")
    (item,) = client.get("/api/trash").json()["items"]
    assert (item["kind"], item["name"], item["deleted_by"]) == ("firmware", "chip.bin", "root")
    assert client.post(f"/api/trash/{item['id']}/restore").status_code == 409
    body = {"firmware": [new["id"]], "delete_from_fs": [new["id"]]}
    client.post("/api/firmware/delete", json=body)
    assert client.post(f"/api/trash/{item['id']}/restore").json() == {"restored": 1, "left": 0}
    (back,) = client.get("/api/firmware").json()
    assert {**back, "updated_at": ""} == {**old, "updated_at": ""}
    assert (home.settings.places.library / "bios/psx/chip.bin").read_bytes() == b"old"


def test_the_same_content_again_changes_nothing_on_the_disk(home: Home) -> None:
    platform = shelve(home)
    store(home, platform, ("chip.bin", b"chip"))
    path = home.settings.places.library / "bios/psx/chip.bin"
    number = path.stat().st_ino
    told = store(home, platform, ("chip.bin", b"chip"))
    assert (told["uploaded"], len(told["firmware"])) == (1, 1)
    assert path.stat().st_ino == number
    assert rows_of(home, TRASH) == []


def test_a_row_with_wrong_hashes_is_put_right(home: Home) -> None:
    platform = shelve(home)
    store(home, platform, ("chip.bin", b"chip"))
    with home.database.write() as session:
        session.execute(FIRMWARE.update().values(md5_hash="", missing_from_fs=True))
    (row,) = store(home, platform, ("chip.bin", b"chip"))["firmware"]
    assert (row["md5_hash"], row["missing_from_fs"]) == (hashlib.md5(b"chip").hexdigest(), False)


def test_empty_files_are_files(home: Home) -> None:
    (row,) = store(home, shelve(home), ("empty.bin", b""))["firmware"]
    assert (row["file_size_bytes"], row["md5_hash"]) == (0, "")


@pytest.mark.parametrize("name", ["a/b.bin", "../b.bin", "/etc/b.bin", "a\\b.bin"])
def test_a_path_is_no_name(home: Home, name: str) -> None:
    answer = refuse(home, shelve(home), ("fine.bin", b"x"), (name, b"x"))
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Upload filename must be a plain file name, not a path",
    )


@pytest.mark.parametrize("name", ["..", "nul", "a:b", "x" * 256, "é" * 128, "chip.bin."])
def test_a_name_that_no_file_can_have_everywhere_is_refused(home: Home, name: str) -> None:
    answer = refuse(home, shelve(home), (name, b"x"))
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Invalid upload filename: ")


@pytest.mark.parametrize("name", ["gamelist.xml", "chip.TMP", ".romm_tmp_x", ".romm_lite_trash"])
def test_a_name_that_scans_leave_out_is_refused(home: Home, name: str) -> None:
    assert refuse(home, shelve(home), (name, b"x")).status_code == 400


def test_a_folder_is_in_the_way(home: Home) -> None:
    platform = shelve(home)
    (home.settings.places.library / "bios/psx/chip.bin").mkdir(parents=True)
    assert refuse(home, platform, ("chip.bin", b"x")).status_code == 409


def test_an_unknown_or_hidden_platform_is_told(home: Home) -> None:
    platform = shelve(home)
    home.hide(Entity.PLATFORMS, platform, "ann")
    grant(home, Entity.FIRMWARE, Action.WRITE)
    for user, number in (("root", 77), ("ann", platform)):
        answer = refuse(home, number, ("chip.bin", b"x"), user=user)
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            f"Platform with ID {number} not found",
        )


def test_without_the_library_no_folder_is_made(home: Home) -> None:
    fill_rom(home, home.platform())
    library = home.settings.places.library
    shutil.rmtree(library)
    assert refuse(home, 1, ("chip.bin", b"x")).status_code == 503
    assert not library.exists()


@pytest.mark.parametrize("link", ["bios", "bios/psx"])
def test_nothing_is_written_behind_a_link_that_leads_out(
    home: Home, tmp_path: Path, link: str
) -> None:
    platform = shelve(home)
    outside = tmp_path / "outside"
    outside.mkdir()
    path = home.settings.places.library / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside)
    answer = refuse(home, platform, ("chip.bin", b"x"))
    assert answer.status_code == 409
    assert str(tmp_path) not in answer.json()["detail"]
    assert list(outside.rglob("*")) == []


def test_no_file_at_all_is_refused(home: Home) -> None:
    client = home.client("root")
    platform = shelve(home)
    asked: tuple[Any, ...] = ({}, {"data": {"files": "text"}}, {"json": {"files": []}})
    for options in asked:
        answer = client.post(f"/api/firmware?platform_id={platform}", **options)
        assert answer.status_code == 422
    assert client.post("/api/firmware", files={"files": ("a.bin", b"x")}).status_code == 422


def test_nothing_is_left_beside_it(home: Home) -> None:
    platform = shelve(home)
    store(home, platform, ("chip.bin", b"old"))
    store(home, platform, ("chip.bin", b"new"))
    names = [path.name for path in (home.settings.places.library / "bios/psx").iterdir()]
    assert names == ["chip.bin"]
