from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from romm_lite.disk.images import FORMATS, PIXELS, make_cover, redraw, sniff
from romm_lite.kernel.errors import Invalid


def draw(form: str, size: tuple[int, int] = (40, 60), mode: str = "RGB") -> bytes:
    drawn = BytesIO()
    Image.new(mode, size, 128).save(drawn, form)
    return drawn.getvalue()


def size_of(content: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(content)) as image:
        return image.size


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_cover_is_kept_as_it_came_with_a_small_one_beside(form: str) -> None:
    content = draw(form, (100, 150))
    cover = make_cover(content, "Artwork")
    assert cover.big == content
    assert size_of(cover.small) == (40, 60)
    assert FORMATS[sniff(cover.small)].extension == cover.extension


def test_a_large_cover_gets_a_smaller_small_one() -> None:
    assert size_of(make_cover(draw("PNG", (700, 1000)), "Artwork").small) == (140, 200)


def test_a_tiny_cover_has_a_small_one_too() -> None:
    assert size_of(make_cover(draw("PNG", (1, 1)), "Artwork").small) == (1, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_taken(mode: str) -> None:
    assert make_cover(draw("PNG", mode=mode), "Artwork").small


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (draw("BMP"), "image/bmp"),
        (b"%PDF-1.4", "application/pdf"),
        (b"", "application/octet-stream"),
        (b"<html>", "application/octet-stream"),
    ],
)
def test_anything_else_is_refused_by_what_it_is(content: bytes, kind: str) -> None:
    expected = rf"Artwork must be a PNG, JPEG, WebP, or GIF image \(detected {kind}\)"
    with pytest.raises(Invalid, match=expected.replace("+", r"\+")):
        make_cover(content, "Artwork")


def test_a_picture_that_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(Invalid, match=f"more than {PIXELS} pixels"):
        make_cover(draw("GIF", (10_000, 5_001), "P"), "Artwork")


def test_what_a_camera_wrote_is_gone_and_the_picture_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "secret camera"
    drawn = BytesIO()
    Image.new("RGB", (40, 60)).save(drawn, "JPEG", exif=exif)
    small = redraw(drawn.getvalue(), FORMATS["image/jpeg"], (40, 60), "Avatar")
    assert size_of(small) == (60, 40)
    assert b"secret camera" not in small


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.integers(0, 200), st.binary(max_size=9))
def test_a_broken_picture_is_refused_or_taken(form: str, place: int, damage: bytes) -> None:
    content = bytearray(draw(form, (9, 9)))
    content[place : place + len(damage)] = damage
    with suppress(Invalid):
        assert make_cover(bytes(content), "Artwork").small
