"""Covers and manuals of ROMs, as people upload, name and remove them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from PIL import Image
from starlette.testclient import TestClient

from romm_lite.metadata.fetch import Fetcher

from .conftest import Home

ART, MANUAL = "https://art.example/a.png", "https://art.example/a.pdf"
PDF = b"%PDF-1.7 moss"


def picture(form: str = "PNG", color: str = "red", size: tuple[int, int] = (100, 150)) -> bytes:
    drawn = BytesIO()
    Image.new("RGB", size, color).save(drawn, form)
    return drawn.getvalue()


def ask(
    client: TestClient,
    rom: int,
    query: Mapping[str, Any] | None = None,
    artwork: bytes | None = None,
    **form: Any,
) -> Any:
    files = None if artwork is None else {"artwork": ("a", artwork)}
    return client.put(f"/api/roms/{rom}", params=query, data=form, files=files)


def put(client: TestClient, rom: int, *given: Any, **form: Any) -> Any:
    answer = ask(client, rom, *given, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def read_cover(home: Home, rom: Mapping[str, Any]) -> list[bytes]:
    """What lies where the ROM says that its covers are, the large one first."""
    shown = (rom["path_cover_large"], rom["path_cover_small"])
    paths = [each.removeprefix("/assets/romm/resources/").partition("?")[0] for each in shown]
    return [(home.settings.places.resources / path).read_bytes() for path in paths]


def list_files(home: Home, rom: int) -> set[str]:
    """All files among the artwork of a ROM."""
    folder = home.settings.places.resources / f"roms/1/{rom}"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def home(home: Home) -> Home:
    """One whose names all lead to one public address."""
    fetcher = Fetcher(resolve=lambda _host, _port: ["93.184.215.14"])
    return replace(home, library=replace(home.library, fetcher=fetcher))


@pytest.fixture
def client(home: Home) -> TestClient:
    return home.client("root")


@pytest.fixture
def rom(home: Home) -> int:
    return home.rom("Moss.sfc", home.platform("snes", id=1))


@pytest.fixture
def network() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url="https://93.184.215.14", assert_all_called=False) as router:
        router.get("/a.png").mock(answer(picture(), "image/png"))
        router.get("/a.pdf").mock(answer(PDF, "application/pdf"))
        yield router


def answer(content: bytes, kind: str) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"Content-Type": kind})


def test_an_uploaded_cover_is_kept_in_two_sizes(home: Home, client: TestClient, rom: int) -> None:
    content = picture("JPEG")
    after = put(client, rom, None, content, url_cover=ART)
    large, small = read_cover(home, after)
    assert large == content
    assert Image.open(BytesIO(small)).size == (40, 60)
    assert after["path_cover_large"].startswith(
        f"/assets/romm/resources/roms/1/{rom}/cover/big.jpg"
    )
    assert after["url_cover"] == ""


def test_a_new_cover_takes_the_place_of_the_old(home: Home, client: TestClient, rom: int) -> None:
    put(client, rom, None, picture("PNG"))
    after = put(client, rom, None, picture("WEBP", "blue"))
    assert read_cover(home, after)[0] == picture("WEBP", "blue")
    assert list_files(home, rom) == {"cover/big.webp", "cover/small.webp"}


def test_another_cover_of_the_same_name_has_another_address(client: TestClient, rom: int) -> None:
    before = put(client, rom, None, picture())
    after = put(client, rom, None, picture(color="blue"))
    assert before["path_cover_large"] != after["path_cover_large"]


def test_a_removed_cover_is_gone(home: Home, client: TestClient, rom: int) -> None:
    put(client, rom, None, picture())
    after = put(client, rom, {"remove_cover": True}, picture(color="blue"), url_cover=ART, name="X")
    shown = (after["path_cover_large"], after["path_cover_small"], after["url_cover"])
    assert shown == ("", "", "")
    assert after["name"] == "X"
    assert list_files(home, rom) == set()


@pytest.mark.parametrize(
    ("content", "kind"), [(b"%PDF-1.4", "application/pdf"), (b"<svg>", "image/svg+xml")]
)
def test_artwork_that_is_no_picture_changes_nothing(
    home: Home, client: TestClient, rom: int, content: bytes, kind: str
) -> None:
    refused = ask(client, rom, None, content, name="New")
    detail = f"Artwork must be a PNG, JPEG, WebP, or GIF image (detected {kind})"
    assert (refused.status_code, refused.json()) == (400, {"detail": detail})
    assert client.get(f"/api/roms/{rom}").json()["name"] == "Moss"
    assert list_files(home, rom) == set()


def test_a_cover_is_fetched_once(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter
) -> None:
    after = put(client, rom, url_cover=f" {ART} ")
    assert after["url_cover"] == ART
    assert read_cover(home, after)[0] == picture()
    again = put(client, rom, url_cover=ART, name="New")
    assert (again["name"], len(network.calls)) == ("New", 1)


def test_a_cover_that_is_gone_from_the_disk_is_fetched_again(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter
) -> None:
    put(client, rom, url_cover=ART)
    (home.settings.places.resources / f"roms/1/{rom}/cover/big.png").unlink()
    assert read_cover(home, put(client, rom, url_cover=ART))
    assert len(network.calls) == 2


def test_an_address_that_is_taken_away_leaves_the_cover(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter
) -> None:
    put(client, rom, url_cover=ART)
    after = put(client, rom, url_cover="")
    assert after["url_cover"] == ""
    assert read_cover(home, after)[0] == picture()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (httpx.Response(404), "It answers 404"),
        (httpx.ConnectTimeout("late"), "It cannot be reached"),
        (answer(b"<html>", "text/html"), "It is of type text/html"),
        (answer(b"<html>", "image/png"), "Artwork must be"),
    ],
)
def test_a_new_address_without_a_cover_changes_nothing(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter, found: Any, words: str
) -> None:
    put(client, rom, None, picture(color="blue"))
    network.get("/b.png").mock(**told(found))
    refused = ask(client, rom, url_cover="https://art.example/b.png", name="New")
    assert refused.status_code == 400
    assert words in refused.json()["detail"]
    after = client.get(f"/api/roms/{rom}").json()
    assert (after["name"], after["url_cover"]) == ("Moss", "")
    assert read_cover(home, after)[0] == picture(color="blue")


def told(found: Any) -> dict[str, Any]:
    return {"side_effect" if isinstance(found, Exception) else "return_value": found}


@pytest.mark.parametrize("field", ["url_cover", "url_manual"])
@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://localhost/", "a", "http://u:p@x/"])
def test_an_address_that_must_not_be_asked_changes_nothing(
    client: TestClient, rom: int, field: str, url: str
) -> None:
    refused = ask(client, rom, None, None, **{field: url, "name": "New"})
    assert refused.status_code == 400
    after = client.get(f"/api/roms/{rom}").json()
    assert (after["name"], after[field]) == ("Moss", None)


def test_an_address_in_the_network_at_home_changes_nothing(home: Home, rom: int) -> None:
    fetcher = Fetcher(resolve=lambda _host, _port: ["192.168.1.1"])
    client = replace(home, library=replace(home.library, fetcher=fetcher)).client("root")
    refused = ask(client, rom, url_cover=ART)
    assert refused.status_code == 400
    assert "inside your network" in refused.json()["detail"]


@pytest.mark.parametrize("url", [ART, "file://roms/snes/Moss.p8.png"])
def test_an_old_address_that_is_dead_stops_no_other_change(
    home: Home, client: TestClient, network: respx.MockRouter, url: str
) -> None:
    rom = home.rom("Moss.sfc", home.platform("snes"), url_cover=url, url_manual=url)
    network.get("/a.png").mock(httpx.Response(410))
    after = put(client, rom, url_cover=url, url_manual=url, name="New")
    assert (after["name"], after["url_cover"], after["path_cover_large"]) == ("New", url, "")
    assert after["path_manual"] is None


def test_a_manual_is_fetched_once(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter
) -> None:
    after = put(client, rom, url_manual=MANUAL)
    assert (after["url_manual"], after["has_manual"]) == (MANUAL, True)
    assert after["path_manual"] == f"roms/1/{rom}/manual/{rom}.pdf"
    assert (home.settings.places.resources / after["path_manual"]).read_bytes() == PDF
    put(client, rom, url_manual=MANUAL)
    assert len(network.calls) == 1
    assert list_files(home, rom) == {f"manual/{rom}.pdf"}


def test_a_fetched_manual_takes_the_place_of_another(
    home: Home, client: TestClient, network: respx.MockRouter
) -> None:
    path = "roms/1/1/manual/1.md"
    rom = home.rom("Moss.sfc", home.platform("snes", id=1), id=1, path_manual=path)
    old: Path = home.settings.places.resources / path
    old.parent.mkdir(parents=True)
    old.write_text("moss")
    put(client, rom, url_manual=MANUAL)
    assert list_files(home, rom) == {"manual/1.pdf"}


def test_a_new_address_without_a_manual_changes_nothing(
    home: Home, client: TestClient, rom: int, network: respx.MockRouter
) -> None:
    network.get("/b.pdf").mock(answer(b"<html>", "application/octet-stream"))
    refused = ask(client, rom, url_manual="https://art.example/b.pdf", url_cover=ART, name="New")
    assert refused.status_code == 400
    after = client.get(f"/api/roms/{rom}").json()
    assert (after["name"], after["url_manual"], after["url_cover"]) == ("Moss", None, None)
    assert list_files(home, rom) == set()


def test_unmatching_removes_pictures_and_leaves_the_rest(
    home: Home, client: TestClient, network: respx.MockRouter
) -> None:
    rom = home.rom("Moss.sfc", home.platform("snes", id=1), id=1, known={"igdb": (7, {})})
    put(client, rom, None, picture(), url_manual=MANUAL)
    folder = home.settings.places.resources / "roms/1/1"
    for path in ("screenshots/0.jpg", "soundtracks/5.png"):
        (folder / path).parent.mkdir()
        (folder / path).write_bytes(picture())
    home.change(rom, path_screenshots=["roms/1/1/screenshots/0.jpg"])
    after = put(client, rom, {"unmatch_metadata": True})
    assert (after["path_cover_large"], after["merged_screenshots"]) == ("", [])
    assert after["has_manual"]
    assert list_files(home, rom) == {"manual/1.pdf", "soundtracks/5.png"}


def test_a_library_for_reading_only_has_covers_too(home: Home, rom: int) -> None:
    settings = home.settings.model_copy(update={"romm_library_read_only": True})
    closed = replace(home, settings=settings, library=replace(home.library, settings=settings))
    assert put(closed.client("root"), rom, None, picture())["path_cover_large"]
