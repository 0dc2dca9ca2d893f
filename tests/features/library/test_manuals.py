"""The manual of a ROM among the resources, over HTTP."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import respx

from romm_lite.features.library.manuals import LARGEST
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.metadata.fetch import Fetcher

from .conftest import Home
from .keepsakes import close_library, grant

PDF = b"%PDF-1.7 how to play"
AT = "https://93.184.215.14/guide.pdf"
URL = "https://manuals.example/guide.pdf"


@pytest.fixture
def rom(home: Home) -> int:
    return home.rom("Moss.sfc", home.platform())


def upload(
    home: Home, rom: int, name: str = "guide.pdf", content: bytes = PDF, user: str = "root"
) -> Any:
    return home.client(user).post(
        f"/api/roms/{rom}/manuals",
        files={name: (name, content)},
        headers={"x-upload-filename": quote(name)},
    )


def show(home: Home, rom: int) -> Any:
    """What the ROM says of its manual."""
    shown = home.client("root").get(f"/api/roms/{rom}").json()
    return {name: shown[name] for name in ("path_manual", "has_manual", "url_manual", "files")}


def manuals(home: Home) -> list[Path]:
    root = home.settings.places.resources
    return [path.relative_to(root) for path in root.rglob("*") if path.is_file()]


def fetch(home: Home, rom: int) -> Any:
    return home.client("root").post(f"/api/roms/{rom}/manuals/redownload")


@pytest.fixture
def outside(home: Home) -> Home:
    """The same where every name is that of one public host."""
    fetcher = Fetcher(resolve=lambda _host, _port: ["93.184.215.14"])
    return replace(home, library=replace(home.library, fetcher=fetcher))


def answer_with(content: bytes, kind: str = "application/pdf", status: int = 200) -> Any:
    answer = httpx.Response(status, content=content, headers={"content-type": kind})
    return respx.get(AT).mock(return_value=answer)


def test_an_upload_is_the_manual(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    rom = home.rom("Moss.sfc", platform)
    answer = upload(home, rom, "Pokémon Guide.PDF")
    assert (answer.status_code, answer.content) == (201, b"")
    shown = show(home, rom)
    path = f"roms/{platform}/{rom}/manual/{rom}.pdf"
    assert (shown["path_manual"], shown["has_manual"]) == (path, True)
    assert (home.settings.places.resources / path).read_bytes() == PDF
    assert shown["files"] == []


def test_a_new_manual_takes_the_place_of_any_other(home: Home, rom: int) -> None:
    upload(home, rom)
    upload(home, rom, content=PDF + b" again")
    assert upload(home, rom, "read.md", b"# How to play").status_code == 201
    (path,) = manuals(home)
    assert show(home, rom)["path_manual"] == path.as_posix()
    assert (home.settings.places.resources / path).read_bytes() == b"# How to play"


def test_folders_of_a_name_count_for_nothing(home: Home, rom: int) -> None:
    assert upload(home, rom, "../../manuals/guide.pdf").status_code == 201
    (path,) = manuals(home)
    assert path.name == f"{rom}.pdf"


@pytest.mark.parametrize(
    ("name", "content", "detail"),
    [
        ("guide.html", PDF, "Unsupported manual file type. Allowed: .md, .pdf"),
        ("guide", PDF, "Unsupported manual file type. Allowed: .md, .pdf"),
        ("guide.pdf", b"<html>", "guide.pdf is not a PDF file"),
        ("a/..", PDF, "Invalid upload filename: "),
        ("con.pdf", PDF, "Invalid upload filename: "),
    ],
)
def test_what_is_no_manual_is_refused(
    home: Home, rom: int, name: str, content: bytes, detail: str
) -> None:
    upload(home, rom)
    before = show(home, rom)
    answer = upload(home, rom, name, content)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)
    assert (show(home, rom), len(manuals(home))) == (before, 1)


def test_a_library_for_reading_only_has_manuals_too(home: Home, rom: int) -> None:
    assert upload(close_library(home), rom).status_code == 201
    assert close_library(home).client("root").delete(f"/api/roms/{rom}/manuals").status_code == 200


def test_a_manual_is_removed(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss.sfc", home.platform(), url_manual=URL)
    upload(home, rom)
    client = home.client("root")
    answer = client.delete(f"/api/roms/{rom}/manuals")
    assert (answer.status_code, answer.content) == (200, b"")
    shown = show(home, rom)
    assert (shown["path_manual"], shown["url_manual"], shown["has_manual"]) == (None, None, False)
    assert manuals(home) == []
    again = client.delete(f"/api/roms/{rom}/manuals")
    assert (again.status_code, again.json()["detail"]) == (404, "No manual found for this ROM")


@respx.mock
def test_a_manual_is_fetched_again(outside: Home, rom: int) -> None:
    upload(outside, rom, "read.md", b"# Mine")
    outside.change(rom, url_manual=URL)
    answer_with(PDF)
    answer = fetch(outside, rom)
    assert (answer.status_code, answer.content) == (200, b"")
    (path,) = manuals(outside)
    assert show(outside, rom)["path_manual"] == path.as_posix()
    assert (outside.settings.places.resources / path).read_bytes() == PDF


def test_without_an_address_nothing_is_fetched(home: Home, rom: int) -> None:
    answer = fetch(home, rom)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "No scraped manual URL available for this ROM",
    )


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (PDF, "text/html", 200),
        (PDF, "application/pdf", 404),
        (b"<html>", "application/pdf", 200),
        (b"", "application/octet-stream", 200),
    ],
)
@respx.mock
def test_what_is_fetched_and_no_manual_changes_nothing(
    outside: Home, rom: int, content: bytes, kind: str, status: int
) -> None:
    upload(outside, rom)
    outside.change(rom, url_manual=URL)
    answer_with(content, kind, status)
    before = show(outside, rom)
    assert fetch(outside, rom).status_code == 400
    assert (show(outside, rom), len(manuals(outside))) == (before, 1)


@respx.mock
def test_a_manual_that_is_too_large_is_not_fetched(outside: Home, rom: int) -> None:
    outside.change(rom, url_manual=URL)
    endless = (b"%PDF-" + bytes(2**20) for _ in range(LARGEST // 2**20 + 1))
    respx.get(AT).mock(
        return_value=httpx.Response(
            200, content=endless, headers={"content-type": "application/pdf"}
        )
    )
    answer = fetch(outside, rom)
    assert answer.status_code == 400
    assert "larger than" in answer.json()["detail"]
    assert manuals(outside) == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/a.pdf", "http://localhost/a.pdf", "file:///etc/passwd", "nonsense"],
)
def test_an_address_inside_is_not_asked(home: Home, rom: int, url: str) -> None:
    home.change(rom, url_manual=url)
    assert fetch(home, rom).status_code == 400
    assert manuals(home) == []


def test_what_is_hidden_is_not_there(home: Home, rom: int) -> None:
    home.hide(Entity.ROMS, rom, "ann")
    grant(home, Entity.ROMS, Action.WRITE)
    client = home.client("ann")
    answers = (
        upload(home, rom, user="ann"),
        client.post(f"/api/roms/{rom}/manuals/redownload"),
        client.delete(f"/api/roms/{rom}/manuals"),
    )
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (404, f"Rom with id '{rom}' not found")
    }
    assert manuals(home) == []
