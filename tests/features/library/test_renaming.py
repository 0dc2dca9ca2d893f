"""ROMs under another file name: on the disk, in all rows, and whatever happens in between."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from romm_lite.features.library.renaming import is_same_entry
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.kernel.locks import hold
from romm_lite.tables.trash import TRASH
from romm_lite.wire.roms import DetailedRomSchema
from tests.e2e.library import make_zip
from tests.features.scan.conftest import Shelf

from .conftest import Home, as_modelled, ids
from .renamer import KILLED, MOMENTS

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Desk:
    """A scanned library, and an administrator who renames what is in it."""

    home: Home
    shelf: Shelf
    client: TestClient

    def scan(self, *paths: str) -> None:
        for path in paths:
            self.shelf.put(path, f"content of {path}")
        self.shelf.scan_well()

    def id_of(self, fs_name: str) -> int:
        return int(self.shelf.roms()[fs_name].id)

    def ask(self, old: str, new: str, **form: Any) -> Any:
        return self.client.put(f"/api/roms/{self.id_of(old)}", data={"fs_name": new, **form})

    def rename(self, old: str, new: str, **form: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = as_modelled(DetailedRomSchema, self.ask(old, new, **form))
        return found

    def names(self, platform: str = "snes") -> set[str]:
        """What is on the disk."""
        return list_names(self.shelf.root / "roms" / platform)

    def check_settled(self, *expected: str) -> None:
        """The rows are what the disk has: a scan finds nothing to do."""
        assert set(self.shelf.roms()) == set(expected)
        with self.shelf.noting_writes() as writes:
            self.shelf.scan_well()
        assert [each for each in writes if " trash " not in each] == []
        assert self.shelf.rows(select(TRASH.c.id)) == []


def list_names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.fixture
def desk(home: Home) -> Desk:
    return make_desk(home)


@pytest.fixture
def every_desk(every_home: Home) -> Desk:
    return make_desk(every_home)


def make_desk(home: Home) -> Desk:
    return Desk(home, Shelf(home.settings.places, home.database), home.client("root"))


def test_a_file_is_renamed_with_all_that_its_name_says(every_desk: Desk) -> None:
    desk = every_desk
    desk.scan("roms/snes/Moss (USA) [!].sfc", "roms/snes/Moss (USA) [!].sfc.sfc")
    before = desk.shelf.roms()["Moss (USA) [!].sfc"]
    (file,) = [each for each in desk.shelf.files().values() if each.rom_id == before.id]
    after = desk.rename("Moss (USA) [!].sfc", "Fern (Japan) (Fr) (Rev 2).sfc")
    assert (after["id"], after["fs_name"]) == (before.id, "Fern (Japan) (Fr) (Rev 2).sfc")
    assert (after["fs_name_no_tags"], after["fs_extension"]) == ("Fern", "sfc")
    tags = ("regions", "languages", "revision", "tags")
    assert [after[name] for name in tags] == [["Japan"], ["French"], "2", []]
    shown = after["files"][0]
    assert (shown["id"], shown["full_path"]) == (file.id, f"roms/snes/{after['fs_name']}")
    assert after["md5_hash"] == before.md5_hash
    assert desk.names() == {"Fern (Japan) (Fr) (Rev 2).sfc", "Moss (USA) [!].sfc.sfc"}
    assert desk.shelf.facets(after["fs_name"]) == {("region", "Japan"), ("language", "French")}
    desk.check_settled("Fern (Japan) (Fr) (Rev 2).sfc", "Moss (USA) [!].sfc.sfc")
    sent = desk.client.get(f"/api/roms/{before.id}/content/x")
    assert sent.content == b"content of roms/snes/Moss (USA) [!].sfc"


def test_a_folder_is_renamed_with_all_that_is_in_it(every_desk: Desk) -> None:
    desk = every_desk
    inside = ("Game/disc 1.iso", "Game/Game/Game.bin", "Game/dlc/Game/more.bin", "Game/Game.cue")
    desk.scan(*(f"roms/ps2/{path}" for path in (*inside, "Gamer/disc.iso")))
    key, files = desk.id_of("Game"), {f.id: path for path, f in desk.shelf.files().items()}
    desk.rename("Game", "roms (Europe)")
    new = {f.id: path for path, f in desk.shelf.files().items()}
    assert new == {
        file_id: path.replace("roms/ps2/Game/", "roms/ps2/roms (Europe)/", 1)
        for file_id, path in files.items()
    }
    assert desk.id_of("roms (Europe)") == key
    assert desk.names("ps2") == {"roms (Europe)", "Gamer"}
    desk.check_settled("roms (Europe)", "Gamer")


def test_the_name_of_a_folder_tells_what_its_files_are(desk: Desk) -> None:
    desk.scan("roms/ps2/Game/song.mp3", "roms/ps2/Game/manual/help.pdf")
    after = desk.rename("Game", "Soundtrack")
    categories = {file["file_name"]: file["category"] for file in after["files"]}
    assert categories == {"song.mp3": "soundtrack", "help.pdf": "manual"}
    assert after["has_soundtrack"]
    desk.shelf.scan_well()  # which reads the tags of what is music now
    desk.check_settled("Soundtrack")


def test_a_library_of_the_other_structure(desk: Desk) -> None:
    desk.scan("snes/roms/roms.sfc")
    after = desk.rename("roms.sfc", "Moss.sfc")
    assert after["full_path"] == "snes/roms/Moss.sfc"
    desk.check_settled("Moss.sfc")


def test_a_rom_in_a_folder_that_config_names(desk: Desk, tmp_path: Path) -> None:
    desk.shelf.configure(f"library: [{{path: {tmp_path / 'nas'}, platform: nes}}]")
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas/Fern.nes").write_bytes(b"fern")
    desk.scan("roms/snes/Moss.sfc")
    desk.rename("Fern.nes", "Moth.nes")
    assert list_names(tmp_path / "nas") == {"Moth.nes"}
    desk.check_settled("Moth.nes", "Moss.sfc")


def test_a_title_nobody_gave_follows_the_name(desk: Desk) -> None:
    desk.scan("roms/snes/Moss (USA).sfc")
    assert desk.rename("Moss (USA).sfc", "Fern (USA).sfc")["name"] == "Fern"
    kept = desk.rename("Fern (USA).sfc", "Moth.sfc", name="Fern")
    assert (kept["name"], kept["name_sort_key"]) == ("Fern", "fern")
    assert desk.rename("Moth.sfc", "Moss.sfc")["name"] == "Fern"
    desk.check_settled("Moss.sfc")


def test_a_title_and_sort_key_of_ones_own_outlast_renames_and_scans(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc")
    desk.rename("Moss.sfc", "Fern.sfc", name="The Game", name_sort_key="zebra")
    own = desk.rename("Fern.sfc", "Moth.sfc")
    assert (own["name"], own["name_sort_key"]) == ("The Game", "zebra")
    desk.shelf.scan_well(ScanKind.COMPLETE)
    (desk.shelf.root / "roms/snes/Moth.sfc").rename(desk.shelf.root / "roms/snes/Moss.sfc")
    desk.shelf.scan_well()
    row = desk.shelf.roms()["Moss.sfc"]
    assert (row.id, row.name, row.name_sort_key) == (own["id"], "The Game", "zebra")
    assert ids(desk.client.get("/api/roms", params={"search_term": "moss.sfc"})) == [row.id]


def test_a_file_of_another_kind_is_read_again(desk: Desk) -> None:
    content = make_zip({"Moss.sfc": b"moss", "readme.txt": b"read me"})
    desk.shelf.put("roms/snes/Moss.zip", content)
    desk.scan()
    (file,) = desk.shelf.files().values()
    desk.rename("Moss.zip", "Moss.sfc")
    assert not desk.shelf.files()["roms/snes/Moss.sfc"].hashed
    desk.shelf.scan_well()
    after = desk.shelf.files()["roms/snes/Moss.sfc"]
    assert (after.id, after.hashed, after.archive_members) == (file.id, True, None)
    desk.check_settled("Moss.sfc")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("  Fern.sfc ", "Fern.sfc"),
        ("../../Fern.sfc", "Fern.sfc"),
        ("/etc/Fern.sfc", "Fern.sfc"),
        ("a\\b: c|d.sfc", "a-b- c-d.sfc"),
        ('*F?e"r<n>+.sfc', "Fern.sfc"),
        ("Pokémon 🎮.sfc", "Pokémon 🎮.sfc"),
        ("Fern", "Fern"),
    ],
)
def test_a_name_is_made_fit_for_every_system(desk: Desk, wanted: str, name: str) -> None:
    desk.scan("roms/snes/Moss.sfc")
    assert desk.rename("Moss.sfc", wanted)["fs_name"] == name
    assert desk.names() == {name}
    desk.shelf.scan_well()
    desk.check_settled(name)


@pytest.mark.parametrize(
    "wanted",
    [
        *("", " ", ".", "..", "/", "a/", "*", "nul", "con.sfc", "dot.", "a\nb.sfc"),
        *("x" * 256, "é" * 128, "a\0b.sfc"),
        *("Moss.tmp", "Moss.INI", "gamelist.xml", ".romm_tmp_Moss.sfc", ".romm_lite_trash"),
    ],
)
def test_a_name_that_no_rom_can_have_changes_nothing(desk: Desk, wanted: str) -> None:
    desk.scan("roms/snes/Moss.sfc")
    refused = desk.ask("Moss.sfc", wanted, summary="New")
    assert refused.status_code == 422, refused.json()["fs_name"]
    assert desk.names() == {"Moss.sfc"}
    assert desk.shelf.roms()["Moss.sfc"].summary is None
    desk.check_settled("Moss.sfc")


def test_a_folder_has_names_that_it_cannot_have(desk: Desk) -> None:
    desk.shelf.configure("exclude:\n  roms:\n    multi_file:\n      names: [old*]\n")
    desk.scan("roms/snes/Moss/a.sfc")
    for wanted in ("Old games", "assets"):
        assert desk.ask("Moss", wanted).status_code == 422
    assert desk.rename("Moss", "Moss.tmp")["fs_name"] == "Moss.tmp"
    desk.check_settled("Moss.tmp")


def test_a_name_that_is_not_fit_stays_while_nobody_asks_for_another(desk: Desk) -> None:
    name = 'Moss? "2":.sfc '
    desk.scan(f"roms/snes/{name}")
    assert desk.rename(name, name, summary="New")["summary"] == "New"
    assert desk.names() == {name}


@pytest.mark.parametrize("there", ["Fern.sfc", "Fern.sfc/a.sfc"])
def test_a_name_that_is_taken_on_the_disk_changes_nothing(desk: Desk, there: str) -> None:
    desk.scan("roms/snes/Moss.sfc")
    desk.shelf.put(f"roms/snes/{there}", "unknown")
    refused = desk.ask("Moss.sfc", "Fern.sfc", summary="New")
    detail = {"detail": "There is something called Fern.sfc already"}
    assert (refused.status_code, refused.json()) == (409, detail)
    assert desk.names() == {"Moss.sfc", "Fern.sfc"}
    assert desk.shelf.roms()["Moss.sfc"].summary is None
    assert (desk.shelf.root / f"roms/snes/{there}").read_text() == "unknown"


def test_a_name_that_another_rom_has_changes_nothing(every_desk: Desk) -> None:
    desk = every_desk
    desk.scan("roms/snes/Moss.sfc", "roms/snes/Fern.sfc")
    (desk.shelf.root / "roms/snes/Fern.sfc").unlink()
    assert desk.ask("Moss.sfc", "Fern.sfc").status_code == 409
    assert desk.names() == {"Moss.sfc"}
    assert desk.client.put(f"/api/roms/{desk.id_of('Fern.sfc')}").json()["fs_name"] == "Fern.sfc"


def test_a_rom_that_is_not_on_the_disk_keeps_its_name(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc", "roms/snes/Fern.sfc")
    (desk.shelf.root / "roms/snes/Moss.sfc").unlink()
    refused = desk.ask("Moss.sfc", "Moth.sfc")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "roms/snes/Moss.sfc is not on the disk",
    )


def test_a_library_that_is_not_there_keeps_its_names(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc")
    (desk.shelf.root / "roms").rename(desk.shelf.places.data / "away")
    assert desk.ask("Moss.sfc", "Moth.sfc").status_code == 503


def test_a_library_for_reading_only_keeps_its_names(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc")
    settings = desk.home.settings.model_copy(update={"romm_library_read_only": True})
    library = replace(desk.home.library, settings=settings)
    client = replace(desk.home, settings=settings, library=library).client("root")
    at = f"/api/roms/{desk.id_of('Moss.sfc')}"
    assert client.put(at, data={"fs_name": "Fern.sfc", "name": "New"}).status_code == 403
    assert desk.shelf.roms()["Moss.sfc"].name == "Moss"
    same = client.put(at, data={"fs_name": "Moss.sfc", "name": "New"})
    assert (same.status_code, same.json()["name"]) == (200, "New")
    assert desk.names() == {"Moss.sfc"}


def test_a_rom_behind_a_link_out_of_the_library_keeps_its_name(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/Moss.sfc").write_bytes(b"moss")
    (desk.shelf.root / "roms").mkdir()
    (desk.shelf.root / "roms/snes").symlink_to(tmp_path / "elsewhere")
    desk.scan()
    assert desk.ask("Moss.sfc", "Fern.sfc").status_code == 409
    assert list_names(tmp_path / "elsewhere") == {"Moss.sfc"}


def test_a_name_that_makes_paths_too_long_changes_nothing(desk: Desk) -> None:
    deep = "/".join(["d" * 100] * 9)
    desk.scan(f"roms/snes/Moss/{deep}/a.bin")
    assert desk.ask("Moss", "x" * 100).status_code == 422
    assert desk.names() == {"Moss"}


def test_names_that_are_one_entry(tmp_path: Path) -> None:
    """What a folder that does not tell cases apart shows cannot be made everywhere."""
    one, two = tmp_path / "moss", tmp_path / "Moss"
    one.touch()
    assert is_same_entry(one, one)
    two.hardlink_to(one)
    assert not is_same_entry(one, two)
    two.unlink()
    two.touch()
    assert not is_same_entry(one, two)


def test_a_rename_that_cannot_be_stored_is_undone(every_desk: Desk) -> None:
    desk = every_desk
    desk.scan("roms/snes/Moss.sfc")
    rom_id = desk.id_of("Moss.sfc")
    with desk.home.database.write() as session:
        session.execute(text("ALTER TABLE rom_facets RENAME TO hidden"))
    failed = desk.client.put(f"/api/roms/{rom_id}", data={"fs_name": "Fern.sfc"})
    with desk.home.database.write() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO rom_facets"))
    assert failed.status_code >= 500
    assert desk.names() == {"Moss.sfc"}
    desk.check_settled("Moss.sfc")


def test_who_renames_waits_for_others_who_move_files(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc")
    answers: list[Any] = []
    with hold(desk.shelf.places.moves_lock, {}) as held:
        assert held
        thread = threading.Thread(target=lambda: answers.append(desk.ask("Moss.sfc", "Fern.sfc")))
        thread.start()
        thread.join(0.5)
        assert answers == []
        assert desk.names() == {"Moss.sfc"}
    thread.join()
    assert answers[0].status_code == 200
    desk.check_settled("Fern.sfc")


def test_many_renames_at_once_end_as_one_after_another(every_desk: Desk) -> None:
    desk = every_desk
    desk.scan(*(f"roms/snes/Moss {number}.sfc" for number in range(4)))
    keys = [desk.id_of(f"Moss {number}.sfc") for number in range(4)]
    clients = [desk.home.client("root") for _ in range(8)]
    codes: list[int] = []

    def rename(number: int) -> None:
        rom_id, name = keys[number % 4], f"Fern {number % 4}.sfc" if number < 4 else "Moth.sfc"
        answer = clients[number].put(f"/api/roms/{rom_id}", data={"fs_name": name})
        codes.append(answer.status_code)

    threads = [threading.Thread(target=rename, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {200, 409}
    assert codes.count(409) <= 6
    names = desk.names()
    assert len(names) == 4
    assert sorted(rom.id for rom in desk.shelf.roms().values()) == sorted(keys)
    desk.check_settled(*names)


def kill_a_rename(desk: Desk, old: str, new: str, moment: str) -> None:
    url = desk.home.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.features.library.renamer"]
    arguments = [str(desk.shelf.places.data), url, str(desk.id_of(old)), new, moment]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == KILLED, done.stderr.decode()


@pytest.fixture(params=["roms/switch/Moss.nsp", "roms/ps2/Moss/disc.iso"])
def path(request: pytest.FixtureRequest) -> Any:
    """A file that is never read, so that nothing but its name tells what it is; and a folder."""
    return request.param


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rename_that_is_killed_happened_or_did_not(
    every_desk: Desk, path: str, moment: str
) -> None:
    desk = every_desk
    desk.scan(path, path.replace("Moss", "Other"))
    platform, old = path.split("/")[1:3]
    key, files = desk.id_of(old), {each.id for each in desk.shelf.files().values()}
    new, other = old.replace("Moss", "Fern"), old.replace("Moss", "Other")
    kill_a_rename(desk, old, new, moment)
    assert desk.names(platform) == {old if moment == "rename" else new, other}
    expected = new if moment == "committed" else old
    desk.check_settled(expected, other)
    assert desk.names(platform) == {expected, other}
    assert desk.id_of(expected) == key
    assert {each.id for each in desk.shelf.files().values()} == files
    assert desk.shelf.roms()[expected].summary == ("New" if moment == "committed" else None)


def test_the_next_who_renames_undoes_what_was_killed(desk: Desk) -> None:
    desk.scan("roms/snes/Moss.sfc", "roms/snes/Other.sfc")
    key = desk.id_of("Moss.sfc")
    kill_a_rename(desk, "Moss.sfc", "Fern.sfc", "renamed")
    desk.rename("Other.sfc", "Moth.sfc")
    assert desk.names() == {"Moss.sfc", "Moth.sfc"}
    assert desk.rename("Moss.sfc", "Fern.sfc")["id"] == key
    desk.check_settled("Fern.sfc", "Moth.sfc")
