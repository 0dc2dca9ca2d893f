"""Screenshots over HTTP."""

from typing import Any

import pytest
from sqlalchemy import select

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.assets import ASSET_VERSIONS
from tests.features.saves.conftest import Shelf

SHOTS = "/api/screenshots"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def send(shelf: Shelf, content: bytes = PNG, name: str = "a.png") -> Any:
    files = {"screenshotFile": (name, content)}
    return shelf.client.post(SHOTS, params={"rom_id": shelf.rom}, files=files)


def upload(shelf: Shelf, content: bytes = PNG, name: str = "a.png") -> Any:
    answer = send(shelf, content, name)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fetch(shelf: Shelf, path: str = "", **query: Any) -> Any:
    answer: Any = shelf.client.get(SHOTS + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_picture_is_kept_in_the_gallery(every_shelf: Shelf) -> None:
    shot = upload(every_shelf)
    assert (shot["is_gallery"], shot["is_public"]) == (True, False)
    assert shot["file_path"].endswith(f"screenshots/snes/{every_shelf.rom}")
    answer: Any = every_shelf.client.get(f"{SHOTS}/{shot['id']}/content")
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["content-disposition"] == 'inline; filename="a.png"'
    assert fetch(every_shelf) == fetch(every_shelf, rom_id=every_shelf.rom) == [shot]
    assert fetch(every_shelf, "/identifiers") == [shot["id"]]
    assert fetch(every_shelf, f"/{shot['id']}") == shot
    rom: Any = every_shelf.client.get(f"/api/roms/{every_shelf.rom}")
    assert [each["id"] for each in rom.json()["all_user_screenshots"]] == [shot["id"]]


def test_a_name_is_overwritten_and_what_it_had_stays(every_shelf: Shelf) -> None:
    first, second = upload(every_shelf), upload(every_shelf, PNG + b"more")
    assert first["id"] == second["id"]
    with every_shelf.home.database.read() as session:
        rows = session.scalars(select(ASSET_VERSIONS.c.reason).order_by(ASSET_VERSIONS.c.id))
        assert list(rows) == ["overwritten", None]
    assert len(every_shelf.list_contents()) == 2


@pytest.mark.parametrize(
    ("name", "content"), [("a.svg", PNG), ("a.png", b"<svg></svg>"), ("a.png", b""), ("png", PNG)]
)
def test_only_pictures_are_taken(shelf: Shelf, name: str, content: bytes) -> None:
    answer = send(shelf, content, name)
    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "Unsupported image file type. Allowed: "
        ".avif, .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp"
    )
    assert fetch(shelf) == []


def test_a_public_picture_is_for_all_who_see_its_rom(every_shelf: Shelf) -> None:
    path = f"{SHOTS}/{upload(every_shelf)['id']}"
    bob = every_shelf.as_user("bob").client
    hidden: Any = bob.get(f"{path}/content")
    assert (hidden.status_code, hidden.json()["detail"]) == (404, "Screenshot not found")
    assert bob.put(path, json={"is_public": True}).status_code == 404
    shown: Any = every_shelf.client.put(path, json={"is_public": True})
    assert shown.json()["is_public"] is True
    assert bob.get(f"{path}/content").content == PNG
    assert bob.delete(path).status_code == 404
    every_shelf.home.hide(Entity.ROMS, every_shelf.rom, "bob")
    assert bob.get(f"{path}/content").status_code == 404


def test_a_deleted_picture_answers_nothing(every_shelf: Shelf) -> None:
    path = f"{SHOTS}/{upload(every_shelf)['id']}"
    answer: Any = every_shelf.client.delete(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert every_shelf.client.delete(path).status_code == 404
    assert len(every_shelf.list_contents()) == 1


def test_all_are_deleted_or_none(shelf: Shelf) -> None:
    ids = [upload(shelf)["id"], upload(shelf, name="b.png")["id"]]
    path = f"{SHOTS}/delete"
    assert shelf.client.post(path, json={"screenshots": [*ids, 10**6]}).status_code == 404
    assert fetch(shelf, "/identifiers") == ids
    assert shelf.client.post(path, json={"screenshots": []}).status_code == 400
    assert shelf.client.post(path, json={"screenshots": ids}).status_code == 200
    assert fetch(shelf) == []


def test_a_save_goes_on_without_its_picture(shelf: Shelf) -> None:
    save = shelf.upload(b"save", shot=("x.png", PNG))
    path = f"{SHOTS}/{save['screenshot']['id']}"
    assert shelf.client.delete(path).status_code == 200
    after = shelf.get(f"/{save['id']}")
    assert (after["screenshot"], after["updated_at"]) == (None, save["updated_at"])


def test_a_gallery_takes_no_hidden_rom(shelf: Shelf) -> None:
    shelf.home.hide(Entity.ROMS, shelf.rom, "ann")
    assert send(shelf).status_code == 404
