"""Manuals, soundtracks and screenshots in the folder of a ROM, over HTTP."""

import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select

from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH
from romm_lite.wire.attachments import SoundtrackTrackMetaSchema
from romm_lite.wire.roms import DetailedRomSchema
from tests.disk.music import draw, make_mp3
from tests.features.scan.conftest import Shelf

from .conftest import Home, as_modelled
from .keepsakes import close_library, dump, grant, list_disk, rows_of, scan

PDF = b"%PDF-1.7 how to play"
PNG = draw("PNG", (40, 30))
GAME = "roms/snes/Moss"
UPLOADS = {
    "manuals/files": ("guide.pdf", PDF, f"{GAME}/manual", "manual"),
    "soundtracks": ("one.mp3", b"no music", f"{GAME}/soundtrack", "soundtrack"),
    "screenshots": ("shot.png", PNG, f"{GAME}/screenshots", "screenshot"),
}
"""For each path a file that can be sent there, where it goes and what it counts as."""
WHAT = [(what, *rest) for what, rest in UPLOADS.items()]


@dataclass
class Shop:
    """A library with one game, which a scan has found."""

    home: Home

    def stock(self, path: str = f"{GAME}/Moss.sfc") -> int:
        """Put the game there; its id."""
        file = self.home.settings.places.library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"game")
        scan(self.home)
        (rom,) = rows_of(self.home, ROMS)
        return int(rom.id)

    def send(
        self,
        rom: int,
        what: str,
        name: str = "",
        content: bytes = b"",
        *,
        told: str | bytes | None = None,
        user: str = "root",
        **options: Any,
    ) -> Any:
        """Upload a file to a ROM; ``told`` is what the header says."""
        name, content = name or UPLOADS[what][0], content or UPLOADS[what][1]
        told = name if told is None else told
        return self.home.client(user, **options).post(
            f"/api/roms/{rom}/{what}",
            files={name: (name, content)},
            headers={b"x-upload-filename": told.encode() if isinstance(told, str) else told},
        )

    def drop(self, rom: int, what: str, file: int, user: str = "root") -> Any:
        return self.home.client(user).delete(f"/api/roms/{rom}/{what}/{file}")

    def files(self) -> dict[str, Any]:
        """The rows of files by path."""
        rows = rows_of(self.home, ROM_FILES)
        return {f"{row.file_path}/{row.file_name}": row for row in rows}

    def show(self, rom: int) -> Any:
        answer = self.home.client("root").get(f"/api/roms/{rom}")
        return as_modelled(DetailedRomSchema, answer)


@pytest.fixture
def shop(home: Home) -> Shop:
    home.platform()
    return Shop(home)


@pytest.fixture
def every_shop(every_home: Home) -> Shop:
    every_home.platform()
    return Shop(every_home)


@contextmanager
def failing(home: Home, beginning: str) -> Iterator[None]:
    """The database refuses statements that begin so."""

    def refuse(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(beginning):
            raise RuntimeError("out of order")

    event.listen(home.database.engine, "before_cursor_execute", refuse)
    yield
    event.remove(home.database.engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize(("what", "name", "content", "folder", "category"), WHAT)
def test_an_upload_lies_beside_the_game_and_is_shown(
    every_shop: Shop, what: str, name: str, content: bytes, folder: str, category: str
) -> None:
    shop = every_shop
    rom = shop.stock()
    answer = shop.send(rom, what)
    assert (answer.status_code, answer.content) == (201, b"")
    assert list_disk(shop.home) == {f"{GAME}/Moss.sfc": b"game", f"{folder}/{name}": content}
    shown = shop.show(rom)
    (file,) = (each for each in shown["files"] if each["file_name"] == name)
    assert (file["file_path"], file["category"], file["is_top_level"]) == (folder, category, False)
    assert (file["file_size_bytes"], file["track_meta"]) == (len(content), None)
    assert shown["fs_size_bytes"] == len(content) + 4
    assert shown["has_soundtrack"] is (category == "soundtrack")
    assert shown["has_manual"] is False
    sent = shop.home.client("root").get(f"/api/roms/{file['id']}/files/content/{name}")
    assert sent.content == content
    assert sent.headers["content-disposition"].startswith("inline")
    assert sent.headers["x-content-type-options"] == "nosniff"


def test_a_scan_has_nothing_to_do_after_uploads(every_shop: Shop) -> None:
    shop = every_shop
    rom = shop.stock()
    for what in UPLOADS:
        assert shop.send(rom, what).status_code == 201
    track = make_mp3(shop.home.settings.places.data / "two.mp3", cover=PNG).read_bytes()
    assert shop.send(rom, "soundtracks", "two.mp3", track).status_code == 201
    before = dump(shop.home)
    with Shelf(shop.home.settings.places, shop.home.database).noting_writes() as writes:
        scan(shop.home)
    assert writes == []
    assert dump(shop.home) == before


@pytest.mark.parametrize("config", ["filesystem: {skip_hash_calculation: true}", ""])
def test_what_is_never_hashed_is_not_hashed_when_it_comes(shop: Shop, config: str) -> None:
    shop.home.settings.places.config_file.write_text(config)
    rom = shop.stock("roms/snes/Moss/Moss.sfc" if config else "roms/switch/Moss/Moss.nsp")
    shop.send(rom, "manuals/files")
    assert [row.md5_hash for row in shop.files().values()] == ["", ""]
    before = dump(shop.home)
    scan(shop.home)
    assert dump(shop.home) == before


def test_a_game_of_one_file_becomes_a_folder(every_shop: Shop) -> None:
    shop = every_shop
    rom = shop.stock("roms/snes/Moss.sfc")
    assert shop.send(rom, "soundtracks").status_code == 201
    assert set(list_disk(shop.home)) == {f"{GAME}/Moss.sfc", f"{GAME}/soundtrack/one.mp3"}
    shown = shop.show(rom)
    assert (shown["fs_name"], shown["has_nested_single_file"]) == ("Moss", True)
    before = dump(shop.home)
    scan(shop.home)
    assert dump(shop.home) == before


def test_a_game_that_cannot_become_a_folder_stays_as_it_is(shop: Shop) -> None:
    rom = shop.stock("roms/snes/Moss.sfc")
    (shop.home.settings.places.library / "roms/snes/Moss").mkdir()
    answer = shop.send(rom, "soundtracks")
    assert answer.status_code == 409
    assert set(shop.files()) == {"roms/snes/Moss.sfc"}


@pytest.mark.parametrize(
    "told",
    [
        "Pok%C3%A9mon%20%E2%82%AC.pdf",
        "UTF-8''Pok%C3%A9mon%20%E2%82%AC.pdf",
        "Pokémon €.pdf".encode(),
    ],
    ids=["percent-encoded", "RFC 8187", "raw"],
)
def test_any_name_can_be_told(shop: Shop, told: str | bytes) -> None:
    rom = shop.stock()
    answer = shop.send(rom, "manuals/files", "Pokémon €.pdf", PDF, told=told)
    assert answer.status_code == 201
    assert f"{GAME}/manual/Pokémon €.pdf" in shop.files()


def test_a_name_in_latin_1_is_understood(shop: Shop) -> None:
    rom = shop.stock()
    shop.send(rom, "manuals/files", "Pokémon.pdf", PDF, told="Pokémon.pdf".encode("latin-1"))
    assert f"{GAME}/manual/Pokémon.pdf" in shop.files()


def test_the_field_tells_a_name_with_per_cents_from_an_encoded_one(shop: Shop) -> None:
    rom = shop.stock()
    shop.send(rom, "manuals/files", "100%25.pdf", PDF)
    shop.send(rom, "manuals/files", "100%.pdf", PDF + b".", told="100%25.pdf")
    names = {path.rpartition("/")[2] for path in shop.files()}
    assert names == {"Moss.sfc", "100%25.pdf", "100%.pdf"}


def test_the_only_file_of_a_form_counts_whatever_its_field(shop: Shop) -> None:
    rom = shop.stock()
    answer = shop.send(rom, "manuals/files", "file", PDF, told="a.pdf")
    assert answer.status_code == 201
    assert f"{GAME}/manual/a.pdf" in shop.files()


def test_of_several_files_the_named_one_counts(shop: Shop) -> None:
    rom = shop.stock()
    client, url = shop.home.client("root"), f"/api/roms/{rom}/manuals/files"
    files = {"a.pdf": ("x", PDF), "b.pdf": ("y", PDF + b" b")}
    form: dict[str, Any] = {"data": {"x-upload-platform": "1"}, "files": files}
    assert client.post(url, headers={"x-upload-filename": "b.pdf"}, **form).status_code == 201
    assert list_disk(shop.home)[f"{GAME}/manual/b.pdf"] == PDF + b" b"
    answer = client.post(url, headers={"x-upload-filename": "c.pdf"}, **form)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The form has no file called c.pdf"},
    )


def test_no_file_and_no_name_are_told(shop: Shop) -> None:
    rom = shop.stock()
    client, url = shop.home.client("root"), f"/api/roms/{rom}/soundtracks"
    assert client.post(url, headers={"x-upload-filename": "a.mp3"}).status_code == 400
    (error,) = client.post(url, files={"a.mp3": ("a.mp3", b"x")}).json()["detail"]
    assert error["loc"] == ["header", "x-upload-filename"]


NOT_PLAIN = "Upload filename must be a plain file name, not a path"
REFUSED = {
    "a path": ("manuals/files", "../a.pdf", PDF, NOT_PLAIN),
    "a path of Windows": ("manuals/files", "a\\b.pdf", PDF, NOT_PLAIN),
    "no name for Windows": ("manuals/files", "con.pdf", PDF, "Invalid upload filename: "),
    "a control character": ("manuals/files", "a%00.pdf", PDF, "Invalid upload filename: "),
    "too long": ("manuals/files", "x" * 252 + ".pdf", PDF, "Invalid upload filename: "),
    "excluded": ("manuals/files", "left out.pdf", PDF, "Invalid upload filename: "),
    "our own": ("manuals/files", ".romm_tmp_a.pdf", PDF, "Invalid upload filename: "),
    "no manual": (
        "manuals/files",
        "a.html",
        PDF,
        "Unsupported manual file type. Allowed: .md, .pdf",
    ),
    "no PDF": ("manuals/files", "a.pdf", b"<html>", "a.pdf is not a PDF file"),
    "no music": (
        "soundtracks",
        "a.mid",
        b"x",
        "Unsupported audio file type. Allowed: .aac, .flac, .m4a, .mp3, .oga, .ogg, .opus, .wav",
    ),
    "no picture by name": ("screenshots", "a.svg", PNG, "Unsupported image file type. Allowed: "),
    "no picture": (
        "screenshots",
        "a.png",
        b"<svg/>",
        "a.png is not an image (detected image/svg+xml)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_is_refused(shop: Shop, case: str) -> None:
    shop.home.settings.places.config_file.write_text(
        "exclude: {roms: {multi_file: {parts: {names: ['left*']}}}}"
    )
    rom = shop.stock("roms/snes/Moss.sfc")
    before, disk = dump(shop.home), list_disk(shop.home)
    what, name, content, detail = REFUSED[case]
    answer = shop.send(rom, what, "file", content, told=name.encode())
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)
    assert (dump(shop.home), list_disk(shop.home)) == (before, disk)


def test_names_and_kinds_are_told_by_any_case(shop: Shop) -> None:
    rom = shop.stock()
    for what, name, content in (
        ("manuals/files", "READ.ME.MD", b""),
        ("soundtracks", "A.MP3", b""),
        ("screenshots", "A.JPEG", draw("JPEG", (8, 8))),
        ("screenshots", "b.tif", draw("TIFF", (8, 8))),
        ("screenshots", "c.bmp", draw("BMP", (8, 8))),
    ):
        assert shop.send(rom, what, name, content or b"x").status_code == 201


def test_the_same_name_again_replaces_the_file_and_keeps_its_id(every_shop: Shop) -> None:
    shop = every_shop
    rom = shop.stock()
    shop.send(rom, "manuals/files", "a.pdf", PDF)
    first = shop.files()[f"{GAME}/manual/a.pdf"]
    assert shop.send(rom, "manuals/files", "a.pdf", PDF + b" again").status_code == 201
    second = shop.files()[f"{GAME}/manual/a.pdf"]
    assert second.id == first.id
    assert (second.file_size_bytes, second.hashed) == (len(PDF) + 6, True)
    assert second.md5_hash != first.md5_hash
    disk = list_disk(shop.home)
    assert disk[f"{GAME}/manual/a.pdf"] == PDF + b" again"
    assert PDF in disk.values()


def test_what_was_replaced_can_be_brought_back(every_shop: Shop) -> None:
    shop = every_shop
    rom = shop.stock()
    client = shop.home.client("root")
    shop.send(rom, "manuals/files", "a.pdf", PDF)
    file = shop.files()[f"{GAME}/manual/a.pdf"]
    shop.send(rom, "manuals/files", "a.pdf", PDF + b" again")
    (item,) = client.get("/api/trash").json()["items"]
    assert (item["kind"], item["name"], item["has_file"]) == ("file", "a.pdf", True)
    assert client.post(f"/api/trash/{item['id']}/restore").status_code == 409
    assert shop.drop(rom, "manuals/files", file.id).status_code == 200
    assert client.post(f"/api/trash/{item['id']}/restore").status_code == 200
    back = shop.files()[f"{GAME}/manual/a.pdf"]
    assert (back.id, back.md5_hash) == (file.id, file.md5_hash)
    assert list_disk(shop.home)[f"{GAME}/manual/a.pdf"] == PDF
    before = dump(shop.home)
    scan(shop.home)
    assert dump(shop.home) == before


def test_the_same_content_again_changes_nothing(shop: Shop) -> None:
    rom = shop.stock()
    shop.send(rom, "manuals/files")
    before, disk = dump(shop.home), list_disk(shop.home)
    assert shop.send(rom, "manuals/files").status_code == 201
    assert (dump(shop.home), list_disk(shop.home)) == (before, disk)
    assert rows_of(shop.home, TRASH) == []


def test_uploads_at_the_same_time_lose_nothing(every_shop: Shop) -> None:
    shop = every_shop
    rom = shop.stock("roms/snes/Moss.sfc")
    versions = [PDF + bytes([number]) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(shop.send, rom, "manuals/files", content=each) for each in versions]
    assert [each.result().status_code for each in sent] == [201] * 4
    library, path = shop.home.settings.places.library, f"{GAME}/manual/guide.pdf"
    there = [file.read_bytes() for file in library.rglob("*") if file.is_file()]
    assert sorted(there) == sorted([b"game", *versions])
    assert set(shop.files()) == {f"{GAME}/Moss.sfc", path}
    winner = (library / path).read_bytes()
    assert shop.files()[path].md5_hash == hashlib.md5(winner).hexdigest()


def test_a_file_that_no_scan_has_found_is_not_lost(shop: Shop) -> None:
    rom = shop.stock()
    unknown = shop.home.settings.places.library / GAME / "manual/guide.pdf"
    unknown.parent.mkdir()
    unknown.write_bytes(b"mine")
    assert shop.send(rom, "manuals/files").status_code == 201
    assert unknown.read_bytes() == PDF
    assert b"mine" in list_disk(shop.home).values()
    assert [row.kept_rows["root"] for row in rows_of(shop.home, TRASH)] == ["rom_files"]


def test_when_the_rows_cannot_be_stored_nothing_has_happened(shop: Shop) -> None:
    rom = shop.stock()
    shop.send(rom, "manuals/files")
    before, disk = dump(shop.home), list_disk(shop.home)
    with failing(shop.home, "UPDATE rom_files"):
        assert shop.send(rom, "manuals/files", content=PDF + b" again").status_code == 500
    with failing(shop.home, "INSERT INTO rom_files"):
        assert shop.send(rom, "manuals/files", "other.pdf").status_code == 500
    assert (dump(shop.home), list_disk(shop.home)) == (before, disk)
    assert rows_of(shop.home, TRASH) == []


@pytest.mark.parametrize(("what", "name", "content", "folder", "category"), WHAT)
def test_a_file_that_lost_its_row_in_a_crash_is_found_again(
    shop: Shop, what: str, name: str, content: bytes, folder: str, category: str
) -> None:
    rom = shop.stock()
    shop.send(rom, what)
    (shop.home.settings.places.library / folder / f".romm_tmp_0{name}").write_bytes(content)
    before = shop.files()[f"{folder}/{name}"]
    with shop.home.database.write() as session:
        session.execute(delete(ROM_FILES).where(ROM_FILES.c.id == before.id))
    scan(shop.home)
    found = shop.files()
    assert set(found) == {f"{GAME}/Moss.sfc", f"{folder}/{name}"}
    after = found[f"{folder}/{name}"]
    assert (after.category, after.md5_hash) == (category, before.md5_hash)


def test_what_is_too_large_is_refused(shop: Shop) -> None:
    rom = shop.stock()
    answer = shop.send(rom, "soundtracks", content=b"x" * 2000, upload_limit=1500)
    assert answer.status_code == 413
    assert set(shop.files()) == {f"{GAME}/Moss.sfc"}


@pytest.mark.parametrize("what", UPLOADS)
def test_a_library_for_reading_only_takes_and_loses_nothing(shop: Shop, what: str) -> None:
    rom = shop.stock()
    shop.send(rom, what)
    (file,) = (row for row in shop.files().values() if row.file_name != "Moss.sfc")
    closed = Shop(close_library(shop.home))
    disk = list_disk(shop.home)
    for answer in (closed.send(rom, what), closed.drop(rom, what, file.id)):
        assert (answer.status_code, answer.json()["detail"]) == (
            403,
            "The library is read-only (ROMM_LIBRARY_READ_ONLY)",
        )
    assert list_disk(shop.home) == disk


@pytest.mark.parametrize("what", UPLOADS)
def test_without_the_library_nothing_is_taken(shop: Shop, what: str) -> None:
    rom = shop.stock()
    library = shop.home.settings.places.library
    library.rename(library.with_name("unplugged"))
    (game,) = shop.files().values()
    answers = (shop.send(rom, what), shop.drop(rom, what, game.id))
    assert [answer.status_code for answer in answers] == [503, 404]
    assert not library.exists()


def test_a_game_that_is_not_on_the_disk_takes_nothing(shop: Shop) -> None:
    rom = shop.stock()
    shutil.rmtree(shop.home.settings.places.library / GAME)
    assert shop.send(rom, "screenshots").status_code == 409
    assert list_disk(shop.home) == {}


def test_what_is_in_the_way_is_told(shop: Shop, tmp_path: Path) -> None:
    rom = shop.stock()
    folder = shop.home.settings.places.library / GAME
    (folder / "manual/guide.pdf").mkdir(parents=True)
    (folder / "soundtrack").write_text("a file")
    (folder / "screenshots").symlink_to(tmp_path)
    answers = {what: shop.send(rom, what) for what in UPLOADS}
    assert {answer.status_code for answer in answers.values()} == {409}
    assert answers["manuals/files"].json()["detail"] == "There is a folder called guide.pdf"
    assert not any(str(tmp_path) in answer.text for answer in answers.values())
    assert set(shop.files()) == {f"{GAME}/Moss.sfc"}


def test_nothing_is_written_behind_a_link_out_of_the_library(shop: Shop, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Moss.sfc").write_bytes(b"game")
    snes = shop.home.settings.places.library / "roms/snes"
    snes.mkdir(parents=True)
    (snes / "Moss").symlink_to(outside)
    scan(shop.home)
    (rom,) = rows_of(shop.home, ROMS)
    assert shop.send(rom.id, "manuals/files").status_code == 409
    assert [path.name for path in outside.iterdir()] == ["Moss.sfc"]


def test_a_track_has_its_tags_and_its_picture(every_shop: Shop, tmp_path: Path) -> None:
    shop = every_shop
    rom = shop.stock()
    track = make_mp3(tmp_path / "a.mp3", "Overworld", PNG).read_bytes()
    assert shop.send(rom, "soundtracks", "b.mp3", track).status_code == 201
    assert shop.send(rom, "soundtracks", "a.mp3", b"no music").status_code == 201
    assert shop.send(rom, "soundtracks", "a.mp3", b"no music either").status_code == 201
    client = shop.home.client("root")
    answer = client.get(f"/api/roms/{rom}/soundtracks/metadata")
    broken, whole = as_modelled(list[SoundtrackTrackMetaSchema], answer)
    assert (broken["file_name"], broken["file_size_bytes"]) == ("a.mp3", 15)
    assert broken["track_meta"] is None
    tags = whole["track_meta"]
    assert (tags["title"], tags["artist"], tags["has_embedded_cover"]) == ("Overworld", "One", True)
    platform = shop.show(rom)["platform_id"]
    expected = f"roms/{platform}/{rom}/soundtracks/{whole['file_id']}.png"
    assert tags["cover_path"] == expected
    assert (shop.home.settings.places.resources / expected).is_file()
    listed = client.get("/api/music/tracks", params={"rom_id": rom}).json()["items"]
    assert [each["rom_file_id"] for each in listed] == [broken["file_id"], whole["file_id"]]


def test_a_new_version_of_a_track_has_its_own_picture(shop: Shop, tmp_path: Path) -> None:
    rom = shop.stock()
    for cover in (PNG, draw("JPEG", (20, 20)), b"no picture"):
        shop.send(rom, "soundtracks", content=make_mp3(tmp_path / "a.mp3", "A", cover).read_bytes())
        row = shop.files()[f"{GAME}/soundtrack/one.mp3"]
        covers = (shop.home.settings.places.resources / "roms").rglob("soundtracks/*")
        names = [path.name for path in covers]
        kept = row.track_meta["cover_path"]
        assert names == ([] if kept is None else [kept.rpartition("/")[2]])
    assert kept is None


@pytest.mark.parametrize(("what", "name", "content", "folder", "category"), WHAT)
def test_a_file_goes_into_the_trash(
    every_shop: Shop, what: str, name: str, content: bytes, folder: str, category: str
) -> None:
    shop = every_shop
    rom = shop.stock()
    shop.send(rom, what)
    file = shop.files()[f"{folder}/{name}"]
    answer = shop.drop(rom, what, file.id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert set(shop.files()) == {f"{GAME}/Moss.sfc"}
    assert content in list_disk(shop.home).values()
    assert not (shop.home.settings.places.library / folder / name).exists()
    shown = shop.show(rom)
    assert (shown["fs_size_bytes"], shown["has_soundtrack"]) == (4, False)
    (item,) = rows_of(shop.home, TRASH)
    assert (item.library_path, item.user_id) == (f"{folder}/{name}", shop.home.users["root"])
    again = shop.drop(rom, what, file.id)
    assert (again.status_code, again.json()["detail"]) == (
        404,
        f"{category.capitalize()} file not found",
    )


def test_the_picture_of_a_track_goes_with_it_for_good(shop: Shop, tmp_path: Path) -> None:
    rom = shop.stock()
    content = make_mp3(tmp_path / "a.mp3", "A", PNG).read_bytes()
    shop.send(rom, "soundtracks", content=content)
    (track,) = (row for row in shop.files().values() if row.track_meta)
    picture = shop.home.settings.places.resources / track.track_meta["cover_path"]
    client = shop.home.client("root")
    shop.drop(rom, "soundtracks", track.id)
    (item,) = client.get("/api/trash").json()["items"]
    assert client.post(f"/api/trash/{item['id']}/restore").status_code == 200
    assert (shop.files()[f"{GAME}/soundtrack/one.mp3"], picture.is_file()) == (track, True)
    shop.drop(rom, "soundtracks", track.id)
    (item,) = client.get("/api/trash").json()["items"]
    assert client.delete(f"/api/trash/{item['id']}").status_code < 300
    assert not picture.exists()


@pytest.mark.parametrize("what", UPLOADS)
def test_only_files_of_the_kind_and_the_game_are_deleted(shop: Shop, what: str) -> None:
    rom = shop.stock()
    other = shop.home.rom("Fern", 1)
    kinds = ("game", None, *(category for *_, category in UPLOADS.values()))
    mine = UPLOADS[what][3]
    files = [
        shop.home.file(rom, f"{GAME}/more/{kind}.bin", b"x", category=kind)
        for kind in kinds
        if kind != mine
    ]
    of_other = shop.home.file(other, "roms/snes/Fern/a.bin", b"x", category=mine)
    disk = list_disk(shop.home)
    for file in (*files, of_other, 777):
        answer = shop.drop(rom, what, file)
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            f"{mine.capitalize()} file not found",
        )
    assert list_disk(shop.home) == disk


def test_what_is_hidden_is_not_there(shop: Shop) -> None:
    rom = shop.stock()
    shop.home.hide(Entity.ROMS, rom, "ann")
    grant(shop.home, Entity.ROMS, Action.WRITE)
    for what in UPLOADS:
        shop.send(rom, what)
    disk = list_disk(shop.home)
    ids = [row.id for row in shop.files().values()]
    answers = [shop.send(rom, what, user="ann") for what in UPLOADS]
    answers += [shop.drop(rom, what, file, "ann") for what in UPLOADS for file in ids]
    answers.append(shop.home.client("ann").get(f"/api/roms/{rom}/soundtracks/metadata"))
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (404, f"Rom with id '{rom}' not found")
    }
    assert list_disk(shop.home) == disk


def test_writing_is_for_those_who_may(shop: Shop) -> None:
    rom = shop.stock()
    assert shop.send(rom, "manuals/files", user="ann").status_code == 403
    grant(shop.home, Entity.ROMS, Action.WRITE)
    assert shop.send(rom, "manuals/files", user="ann").status_code == 201
    (item,) = (row for row in shop.files().values() if row.category == "manual")
    assert shop.drop(rom, "manuals/files", item.id, "ann").status_code == 200


def test_the_library_is_told_of_changes(shop: Shop) -> None:
    rom = shop.stock()
    client = shop.home.client("root")
    before = client.get("/api/roms", params={"has_soundtrack": True}).json()["total"]
    shop.send(rom, "soundtracks")
    assert (before, client.get("/api/roms", params={"has_soundtrack": True}).json()["total"]) == (
        0,
        1,
    )
    with shop.home.database.read() as session:
        assert session.scalar(select(ROMS.c.has_soundtrack)) is True
