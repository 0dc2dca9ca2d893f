"""Patching over HTTP: what may be patched by whom, what comes back, and that nothing is left."""

import io
import multiprocessing
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

import pytest

from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import Entity
from tests.disk.patches.making import make_bps, make_ips, make_ups
from tests.web.support import read_head, serve

from .conftest import Home

SOURCE = bytes(range(256)) * 8
TARGET = b"patched" + SOURCE[::-1]
PATCH = make_bps(SOURCE, TARGET)


class Game:
    """A ROM of one file, and somebody who patches it."""

    def __init__(self, home: Home, name: str = "One (USA).sfc", content: bytes | None = SOURCE):
        self.home = home
        self.platform = home.platform()
        self.rom = home.rom(name, self.platform)
        self.file = home.file(self.rom, f"roms/snes/{name}", content)

    def add_patch(self, content: bytes | None = PATCH, name: str = "Fix.bps") -> int:
        path = f"roms/snes/patches/{name}"
        return self.home.file(self.rom, path, content, category="patch")

    def patch(
        self,
        upload: bytes | None = None,
        name: str = "Fix v1.bps",
        *,
        user: str | None = "ann",
        file: int | None = None,
        **form: Any,
    ) -> Any:
        files = {} if upload is None else {"patch_file": (name, upload)}
        url = f"/api/roms/{self.file if file is None else file}/patch"
        return self.home.client(user).post(url, data=form, files=files or None)

    def leftovers(self) -> list[Path]:
        return [*(self.home.settings.places.data / "tmp" / "patches").iterdir()]


@pytest.fixture
def game(home: Home) -> Game:
    return Game(home)


def detail_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    detail: str = answer.json()["detail"]
    return detail


def name_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    disposition: str = answer.headers["content-disposition"]
    return disposition


def test_uploaded_patch(game: Game) -> None:
    answer = game.patch(PATCH)
    assert (answer.status_code, answer.content) == (200, TARGET)
    headers = answer.headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-length"] == str(len(TARGET))
    assert headers["x-patch-validated"] == "true"
    assert headers["accept-ranges"] == "none"
    name = quote("One (USA) (patched-Fix v1).sfc")
    expected = f"attachment; filename*=UTF-8''{name}; filename=\"{name}\""
    assert headers["content-disposition"] == expected
    assert game.leftovers() == []


def test_patch_of_the_library(game: Game) -> None:
    answer = game.patch(patch_file_id=game.add_patch())
    assert (answer.status_code, answer.content) == (200, TARGET)
    assert quote("One (USA) (patched-Fix).sfc") in name_of(answer)
    assert game.leftovers() == []


def test_patch_that_proves_nothing(game: Game) -> None:
    answer = game.patch(make_ips(SOURCE, TARGET))
    assert (answer.content, answer.headers["x-patch-validated"]) == (TARGET, "false")


def test_library_stays_as_it_is(game: Game) -> None:
    def look() -> dict[Path, int]:
        library = game.home.settings.places.library
        return {path: path.stat().st_mtime_ns for path in library.rglob("*")}

    before = look()
    assert game.patch(PATCH).status_code == 200
    assert look() == before


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("My Game.bin", "My Game.sfc"),
        ("My Game", "My Game.sfc"),
        ("../../etc/pass:wd?", "pass-wd.sfc"),
        ("Spiel äöü 赤.x", "Spiel äöü 赤.sfc"),
        ("..", "One (USA) (patched-Fix v1).sfc"),
        ("", "One (USA) (patched-Fix v1).sfc"),
    ],
)
def test_result_is_called_as_asked(game: Game, wanted: str, name: str) -> None:
    assert f"filename*=UTF-8''{quote(name)};" in name_of(game.patch(PATCH, output_file_name=wanted))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b\\c\r\n.bps", "One (USA) (patched-b-c%0D%0A).sfc"),
        ("x" * 2000, f"One (USA) (patched-{'x' * 450}).sfc"),
    ],
)
def test_odd_names_of_patches(game: Game, name: str, expected: str) -> None:
    spelled = name.replace("\r", "%0D").replace("\n", "%0A")
    head = f'--b\r\ncontent-disposition: form-data; name="patch_file"; filename="{spelled}"'
    body = head.encode() + b"\r\n\r\n" + PATCH + b"\r\n--b--\r\n"
    kind = {"content-type": "multipart/form-data; boundary=b"}
    url = f"/api/roms/{game.file}/patch"
    answer = game.home.client().post(url, content=body, headers=kind)
    assert f"filename*=UTF-8''{quote(expected)};" in name_of(answer)


def test_file_in_an_archive_is_patched_under_its_own_name(home: Home) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("roms/Inside.smc", SOURCE)
    answer = Game(home, "Outside.zip", packed.getvalue()).patch(PATCH)
    assert answer.content == TARGET
    assert quote("Inside (patched-Fix v1).smc") in name_of(answer)


def test_archive_of_several_files(home: Home) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", SOURCE)
        archive.writestr("b", SOURCE)
    game = Game(home, "Two.zip", packed.getvalue())
    expected = "Two.zip cannot be unpacked: it holds 2 files, and a patch is for one"
    assert detail_of(game.patch(PATCH), 400) == expected
    assert game.leftovers() == []


def test_exactly_one_patch(game: Game) -> None:
    expected = "Provide exactly one of a library patch file or an uploaded patch file"
    both = game.patch(PATCH, patch_file_id=game.add_patch())
    assert detail_of(both, 400) == expected
    assert detail_of(game.patch(), 400) == expected
    assert detail_of(game.patch(patch_file_id=""), 400) == expected


def test_patch_for_another_dump_says_so(game: Game) -> None:
    other = SOURCE[1:]
    expected = (
        "Fix v1.bps cannot be applied to One (USA).sfc: it is for another dump: it wants "
        f"{len(other)} bytes with CRC-32 {crc32(other):08x}, the file has {len(SOURCE)} with "
        f"{crc32(SOURCE):08x}"
    )
    assert detail_of(game.patch(make_bps(other, TARGET)), 400) == expected
    assert detail_of(game.patch(make_ups(other, TARGET)), 400) == expected
    assert game.leftovers() == []


def test_damaged_patch(game: Game) -> None:
    text = detail_of(game.patch(PATCH[:-1] + b"?"), 400)
    expected = "Fix v1.bps cannot be applied to One (USA).sfc: it is damaged: its checksum is wrong"
    assert text == expected


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"hello", "Fix v1.bps is no patch of any known kind."),
        (b"", "Fix v1.bps is an empty file."),
        (b"PK\3\4", "Fix v1.bps is a zip archive, out of which the patch has to be taken first."),
    ],
)
def test_other_kinds_are_named(game: Game, content: bytes, what: str) -> None:
    text = detail_of(game.patch(content), 415)
    assert text.startswith(f"{what} What can be applied: IPS, IPS32, UPS, BPS, ")
    assert game.leftovers() == []


def test_files_that_are_not_there(game: Game) -> None:
    assert detail_of(game.patch(PATCH, file=9999), 404) == "File not found"
    assert detail_of(game.patch(patch_file_id=9999), 404) == "File not found"
    assert detail_of(game.patch(patch_file_id=-1), 404) == "File not found"
    lost = f"File Lost.bps not found on disk for ROM {game.rom}"
    answer = game.patch(patch_file_id=game.add_patch(None, "Lost.bps"))
    assert detail_of(answer, 404) == lost
    (game.home.settings.places.library / "roms/snes/One (USA).sfc").unlink()
    lost = f"File One (USA).sfc not found on disk for ROM {game.rom}"
    assert detail_of(game.patch(PATCH), 404) == lost


def test_folder_is_no_file(game: Game) -> None:
    path = game.home.settings.places.library / "roms/snes/One (USA).sfc"
    path.unlink()
    path.mkdir()
    assert game.patch(PATCH).status_code == 404


def test_row_that_leads_out_of_the_library_is_not_found(game: Game) -> None:
    (game.home.settings.places.data / "secret").write_bytes(SOURCE)
    file = game.home.file(game.rom, "roms/../../secret", None)
    assert game.patch(PATCH, file=file).status_code == 404
    assert game.patch(patch_file_id=file).status_code == 404


@pytest.mark.parametrize("hide", ["rom", "platform"])
def test_what_is_hidden_does_not_exist(game: Game, hide: str) -> None:
    patch = game.add_patch()
    if hide == "rom":
        game.home.hide(Entity.ROMS, game.rom)
    else:
        game.home.hide(Entity.PLATFORMS, game.platform)
    for answer in (game.patch(PATCH), game.patch(patch_file_id=patch)):
        assert detail_of(answer, 404) == "File not found"
    assert game.patch(PATCH, user="bob").content == TARGET


def test_hidden_patch_does_not_exist(game: Game) -> None:
    other = game.home.rom("Other", game.platform)
    patch = game.home.file(other, "roms/snes/Other/Fix.bps", PATCH)
    game.home.hide(Entity.ROMS, other)
    assert detail_of(game.patch(patch_file_id=patch), 404) == "File not found"


def test_strangers_patch_nothing(game: Game) -> None:
    assert game.patch(PATCH, user=None).status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {"patch_file_id": "one"},
        {"patch_file_id": str(2**70)},
        {"patch_file_id": "1.5"},
        {"patch_file": "no file"},
        {"output_file_name": "x" * 451},
        {"output_file_name": "a\0b"},
    ],
)
def test_forms_that_make_no_sense(game: Game, form: dict[str, str]) -> None:
    url = f"/api/roms/{game.file}/patch"
    assert game.home.client().post(url, data=form, files={"other": b""}).status_code == 422


@pytest.mark.parametrize("file", ["0", "-1", "x", str(2**70)])
def test_ids_that_make_no_sense(game: Game, file: str) -> None:
    answer = game.home.client().post(f"/api/roms/{file}/patch", files={"patch_file": PATCH})
    assert answer.status_code == 422


def test_request_without_a_form(game: Game) -> None:
    answer = game.home.client().post(f"/api/roms/{game.file}/patch", json={"patch_file_id": 1})
    assert answer.status_code == 400


class Limited:
    """The same game where other limits are set."""

    def __init__(self, game: Game, **limits: int) -> None:
        home = game.home
        settings = home.settings.model_copy(update=limits)
        home.settings, home.library = settings, Library(settings, home.database)


def test_files_larger_than_is_allowed(game: Game) -> None:
    patch = game.add_patch(PATCH + bytes(3000), "Large.bps")
    Limited(game, rom_patcher_max_file_size_bytes=len(SOURCE))
    limit = f"is larger than the {len(SOURCE)} bytes that can be patched"
    assert detail_of(game.patch(PATCH + bytes(3000)), 400) == f"Fix v1.bps {limit}"
    assert detail_of(game.patch(patch_file_id=patch), 400) == f"Large.bps {limit}"
    longer = make_ips(SOURCE, SOURCE + b"x")
    text = detail_of(game.patch(longer), 400)
    assert text.endswith(
        f"it makes a file of {len(SOURCE) + 1} bytes, and {len(SOURCE)} are allowed"
    )
    Limited(game, rom_patcher_max_file_size_bytes=len(SOURCE) - 1)
    text = detail_of(game.patch(longer), 400)
    assert text.startswith("One (USA).sfc is larger than the ")


def write_over_and_over() -> bytes:
    """A patch that takes many seconds."""
    record = b"\0\0\0\0\0\xff\xffz"
    return b"PATCH" + record * 4_000_000 + b"EOF"


def test_patch_that_takes_too_long(game: Game) -> None:
    Limited(game, rom_patcher_timeout=1)
    text = detail_of(game.patch(write_over_and_over()), 400)
    assert text == "Fix v1.bps cannot be applied to One (USA).sfc: it takes longer than 1 seconds"
    assert game.leftovers() == []


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came to that")


def ask(game: Game, patch_id: int, connection: socket.socket) -> None:
    """Begin a request for a patched file."""
    body = f"patch_file_id={patch_id}"
    lines = [
        f"POST /api/roms/{game.file}/patch HTTP/1.1",
        "host: romm.example",
        f"authorization: {game.home.clients[-1].headers['authorization']}",
        "content-type: application/x-www-form-urlencoded",
        f"content-length: {len(body)}",
    ]
    connection.sendall(("\r\n".join(lines) + f"\r\n\r\n{body}").encode())


def test_client_that_leaves_in_the_middle_leaves_nothing_behind(game: Game) -> None:
    patch = b"IPS32\x08\0\0\0\0\1!EEOF"
    patch_id = game.add_patch(patch)
    with serve(game.home.client().app) as server:
        with server.connect() as connection:
            ask(game, patch_id, connection)
            read_head(connection)
            assert game.leftovers()
        wait_until(lambda: not game.leftovers())


def test_client_that_does_not_wait_ends_the_work(game: Game) -> None:
    patch_id = game.add_patch(write_over_and_over())
    with serve(game.home.client().app) as server:
        with server.connect() as connection:
            ask(game, patch_id, connection)
            wait_until(lambda: multiprocessing.active_children() != [])
        wait_until(lambda: not game.leftovers() and not multiprocessing.active_children())
