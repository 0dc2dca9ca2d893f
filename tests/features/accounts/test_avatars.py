"""Pictures of users: real files, as cameras and drawing programs write them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import update
from starlette.datastructures import UploadFile

from romm_lite.features.accounts import users
from romm_lite.kernel.paths import Places, user_folder
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserChange
from tests.features.accounts.conftest import PASSWORD, House, bearer
from tests.features.accounts.test_user_changes import administrator, at_once

ROOT = ("root", PASSWORD)
ANN = ("ann", PASSWORD)
KINDS = {
    "PNG": ("png", "image/png"),
    "JPEG": ("jpg", "image/jpeg"),
    "WEBP": ("webp", "image/webp"),
    "GIF": ("gif", "image/gif"),
}


def draw(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    """A picture that is red on its left half and blue on its right half."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    drawn = BytesIO()
    image.save(drawn, kind, **options)
    return drawn.getvalue()


def upload(
    house: House, content: bytes, user_id: int = 2, auth: tuple[str, str] = ANN, name: str = "a.bin"
) -> httpx.Response:
    files = {"avatar": (name, content, "text/html")}
    answer: Any = house.client().put(f"/api/users/{user_id}", files=files, auth=auth)
    return answer  # type: ignore[no-any-return]


def fetch(house: House, path: str = "/api/users/2/avatar", **options: Any) -> Any:
    return house.client().get(path, auth=ROOT, **options)


def folder_of(places: Places, user_id: int = 2) -> Path:
    return places.assets / user_folder(user_id) / "profile"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_kept_and_shown(house: House, places: Places, kind: str) -> None:
    extension, media_type = KINDS[kind]
    answer = upload(house, draw(kind))
    assert answer.status_code == 200
    path = answer.json()["avatar_path"]
    assert path == f"users/557365723a32/profile/avatar.{extension}"
    shown = fetch(house)
    assert shown.headers["content-type"] == media_type
    assert shown.headers["content-disposition"].startswith("inline;")
    assert shown.content == (places.assets / path).read_bytes()
    with Image.open(BytesIO(shown.content)) as image:
        assert (image.format, image.size) == (kind, (40, 30))


def test_what_a_file_is_called_does_not_matter(house: House, places: Places) -> None:
    answer = upload(house, draw("PNG"), name="../../evil.html")
    assert answer.json()["avatar_path"].endswith("/profile/avatar.png")
    assert names(folder_of(places)) == ["avatar.png"]


def test_a_new_picture_takes_the_place_of_the_old_one(house: House, places: Places) -> None:
    before = upload(house, draw("PNG")).json()
    (folder_of(places) / ".avatar.gif.7.tmp").write_bytes(b"left by a crash")
    after = upload(house, draw("JPEG")).json()
    assert names(folder_of(places)) == ["avatar.jpg"]
    assert fetch(house).headers["content-type"] == "image/jpeg"
    again = upload(house, draw("JPEG", (10, 10))).json()
    assert before["updated_at"] < after["updated_at"] < again["updated_at"]


def test_two_pictures_at_once_leave_the_one_that_is_told(house: House, places: Places) -> None:
    def change(kind: str) -> None:
        picture = UploadFile(BytesIO(draw(kind)))
        users.change_user(house.accounts, 2, UserChange(), administrator(1), picture)

    for _ in range(5):
        assert at_once(lambda: change("PNG"), lambda: change("GIF")) == [200, 200]
        kept = house.accounts.get_user(2)["avatar_path"]
        assert names(folder_of(places)) == [kept.rpartition("/")[2]]


def test_a_large_picture_becomes_small(house: House) -> None:
    upload(house, draw("PNG", (3000, 1000)))
    with Image.open(BytesIO(fetch(house).content)) as image:
        assert image.size == (512, 171)


def test_a_photograph_is_turned_upright_and_loses_what_it_tells(house: House) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    exif[0x010F] = "A camera of mine"
    upload(house, draw("JPEG", (2000, 1000), exif=exif, comment=b"at home"))
    shown = fetch(house).content
    assert b"camera" not in shown
    assert b"at home" not in shown
    with Image.open(BytesIO(shown)) as image:
        assert image.size == (256, 512)
        assert not image.getexif()
        top, bottom = image.getpixel((128, 50)), image.getpixel((128, 460))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > bottom[0]


def test_what_is_hidden_behind_or_beside_the_picture_goes(house: House) -> None:
    hidden = b"<script>alert(1)</script>"
    for kind in KINDS:
        upload(house, draw(kind) + hidden)
        assert hidden not in fetch(house).content


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_transparency_stays(house: House, kind: str) -> None:
    drawn = BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(drawn, kind)
    upload(house, drawn.getvalue())
    with Image.open(BytesIO(fetch(house).content)) as image:
        pixel = image.convert("RGBA").getpixel((10, 10))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_sort_of_colour_is_taken(house: House, mode: str) -> None:
    drawn = BytesIO()
    Image.new(mode, (20, 20)).save(drawn, "PNG")
    assert upload(house, drawn.getvalue()).status_code == 200


def test_a_photograph_for_print_is_taken(house: House) -> None:
    drawn = BytesIO()
    Image.new("CMYK", (20, 20)).save(drawn, "JPEG")
    assert upload(house, drawn.getvalue()).status_code == 200


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animation_the_first_picture_stays(house: House, kind: str) -> None:
    more = [Image.new("RGB", (40, 30), colour) for colour in ("green", "white")]
    upload(house, draw(kind, save_all=True, append_images=more, duration=50))
    with Image.open(BytesIO(fetch(house).content)) as image:
        assert getattr(image, "n_frames", 1) == 1
        pixel = image.convert("RGB").getpixel((5, 15))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200


@pytest.mark.parametrize(
    ("content", "detected"),
    [
        (draw("BMP"), "image/bmp"),
        (draw("TIFF"), "image/tiff"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "image/avif"),
        (b"\0\0\0\x1cftypheic\0\0\0\0", "image/heic"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\3\4", "application/zip"),
        (b"<script>", "application/octet-stream"),
        (b"GIF", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_other_files_are_refused_by_what_they_are(
    house: House, places: Places, content: bytes, detected: str
) -> None:
    answer = upload(house, content, name="picture.png")
    told = f"Avatar must be a PNG, JPEG, WebP, or GIF image (detected {detected})"
    assert (answer.status_code, answer.json()) == (400, {"detail": told})
    assert not folder_of(places).exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.2, 0.6])
def test_a_broken_picture_is_refused_and_the_old_one_stays(
    house: House, kind: str, part: float
) -> None:
    upload(house, draw("PNG"))
    drawn = BytesIO()
    Image.effect_noise((100, 100), 90).save(drawn, kind)
    content = drawn.getvalue()
    answer = upload(house, content[: int(len(content) * part)])
    told = {"detail": "Avatar is an image that cannot be read"}
    assert (answer.status_code, answer.json()) == (400, told)
    assert fetch(house).headers["content-type"] == "image/png"


def test_a_picture_of_too_many_pixels_is_not_unpacked(house: House) -> None:
    drawn = BytesIO()
    Image.new("1", (10_000, 5_001)).save(drawn, "PNG")
    answer = upload(house, drawn.getvalue())
    told = {"detail": "Avatar has more than 50000000 pixels"}
    assert (answer.status_code, answer.json()) == (400, told)


def test_a_picture_of_too_many_bytes_is_413(house: House) -> None:
    answer = upload(house, draw("PNG") + b"\0" * (10 * 2**20))
    told = {"detail": "Avatar exceeds the maximum allowed size of 10485760 bytes"}
    assert (answer.status_code, answer.json()) == (413, told)


def test_a_picture_comes_with_other_changes_or_not_at_all(house: House, places: Places) -> None:
    files = {"avatar": ("a.png", draw("PNG"))}
    taken = house.client().put("/api/users/2", data={"username": "root"}, files=files, auth=ANN)
    assert taken.status_code == 400
    assert not folder_of(places).exists()
    fine = house.client().put("/api/users/2", data={"email": "a@x.org"}, files=files, auth=ANN)
    assert (fine.json()["email"], fine.json()["avatar_path"][-10:]) == ("a@x.org", "avatar.png")


def test_a_client_token_may_change_the_picture(house: House) -> None:
    token = house.tokens("ann", "me.write assets.read")["access_token"]
    files = {"avatar": ("a.png", draw("PNG"))}
    assert house.client().put("/api/users/2", files=files, headers=bearer(token)).status_code == 200


def test_pictures_of_others_are_for_administrators(house: House) -> None:
    assert upload(house, draw("PNG"), user_id=1).status_code == 403
    assert upload(house, draw("PNG"), auth=ROOT).status_code == 200


def test_a_picture_is_taken_away(house: House, places: Places) -> None:
    upload(house, draw("PNG"))
    client = house.client()
    house.add("bob")
    assert client.delete("/api/users/2/avatar", auth=("bob", PASSWORD)).status_code == 403
    assert client.delete("/api/users/2/avatar", auth=ANN).json() is None
    assert names(folder_of(places)) == []
    assert house.accounts.get_user(2)["avatar_path"] == ""
    for absent in (2, 99):
        answer = client.delete(f"/api/users/{absent}/avatar", auth=ROOT)
        assert answer.status_code == 404


# Sending


def test_no_picture_is_not_found(house: House) -> None:
    for absent in (2, 99):
        answer = fetch(house, f"/api/users/{absent}/avatar")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Avatar not found"})
    assert fetch(house, "/api/users/0/avatar").status_code == 422


def test_a_file_that_is_gone_is_not_found(house: House, places: Places) -> None:
    upload(house, draw("PNG"))
    (folder_of(places) / "avatar.png").unlink()
    assert fetch(house).json() == {"detail": "Avatar not found"}


@pytest.mark.parametrize("path", ["../secret-key", "users/x", "users/41/saves/nes/1/a.srm"])
def test_no_other_file_is_ever_sent_as_a_picture(house: House, path: str) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.id == 2).values(avatar_path=path))
    assert fetch(house).status_code == 404
    assert fetch(house, f"/api/raw/assets/{path}").status_code == 404


def test_a_picture_that_is_known_is_not_sent_again(house: House) -> None:
    upload(house, draw("PNG"))
    first = fetch(house)
    for header, value in (
        ("if-none-match", first.headers["etag"]),
        ("if-modified-since", first.headers["last-modified"]),
    ):
        assert fetch(house, headers={header: value}).status_code == 304


OLD_PATHS = ["/api/raw/assets/", "/assets/romm/assets/"]


@pytest.mark.parametrize("prefix", OLD_PATHS)
def test_anybody_s_picture_is_at_the_paths_of_older_clients(house: House, prefix: str) -> None:
    path = upload(house, draw("PNG")).json()["avatar_path"]
    house.add("bob")
    client = house.client()
    for method in ("GET", "HEAD"):
        answer = client.request(method, f"{prefix}{path}?ts=1", auth=("bob", PASSWORD))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert client.get(prefix + path).status_code == 401


@pytest.mark.parametrize("prefix", OLD_PATHS)
@pytest.mark.parametrize(
    "path",
    [
        "users/557365723a32/profile/avatar.gif",
        "users/557365723a32/profile",
        "users/557365723a32/saves/nes/1/a.srm",
        "../secret-key",
        "%2e%2e/secret-key",
        "x" * 3000,
    ],
)
def test_nothing_else_is_there(house: House, places: Places, prefix: str, path: str) -> None:
    upload(house, draw("PNG"))
    save = places.assets / "users/557365723a32/saves/nes/1/a.srm"
    save.parent.mkdir(parents=True)
    save.write_bytes(b"save")
    answer = fetch(house, prefix + path)
    assert answer.status_code == 404
