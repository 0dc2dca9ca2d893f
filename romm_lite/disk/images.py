"""Pictures: what a file of a foreign source really is, and what is kept of it.

The first bytes decide, never a name or a header. Nothing is decoded that is no picture, or that
would unpack to more than ``PIXELS``.
"""

import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from romm_lite.kernel.errors import Invalid

PIXELS = 50_000_000
"""More are not decoded: a file of a few kilobytes can unpack to gigabytes."""


@dataclass(frozen=True)
class Format:
    """A kind of picture that is taken; ``options`` are how it is written."""

    name: str
    extension: str
    media_type: str
    options: dict[str, Any] = field(default_factory=dict)


FORMATS = {
    each.media_type: each
    for each in (
        Format("PNG", "png", "image/png", {"optimize": True}),
        Format("JPEG", "jpg", "image/jpeg", {"quality": 88}),
        Format("WEBP", "webp", "image/webp", {"quality": 88}),
        Format("GIF", "gif", "image/gif"),
    )
}
_SIGNATURES = (
    ("image/png", rb"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", rb"\xff\xd8\xff"),
    ("image/webp", rb"RIFF.{4}WEBP"),
    ("image/gif", rb"GIF8[79]a"),
    ("image/bmp", rb"BM"),
    ("image/tiff", rb"II\*\0|MM\0\*"),
    ("image/avif", rb".{4}ftypavi[fs]"),
    ("image/heic", rb".{4}ftyp(?:hei[cmsx]|mif1)"),
    ("image/svg+xml", rb"\s*<(?:\?xml|svg|!--)"),
    ("application/pdf", rb"%PDF-"),
    ("application/zip", rb"PK\x03\x04"),
)


@dataclass(frozen=True)
class Cover:
    """A cover in the two sizes that clients ask for, both of one format."""

    big: bytes
    small: bytes
    extension: str


def sniff(content: bytes) -> str:
    """The media type by the first bytes, whatever the file is called."""
    for kind, signature in _SIGNATURES:
        if re.match(signature, content, re.S):
            return kind
    return "application/octet-stream"


def recognize(content: bytes, what: str) -> Format:
    """The format of a picture; Invalid, which names ``what`` it should be, for anything else."""
    kind = sniff(content)
    if kind not in FORMATS:
        raise Invalid(f"{what} must be a PNG, JPEG, WebP, or GIF image (detected {kind})")
    return FORMATS[kind]


def redraw(content: bytes, form: Format, box: tuple[int, int], what: str) -> bytes:
    """The picture upright, no larger than ``box``, and encoded by this program.

    Nothing else of the file is left: no place of a photograph, no foreign bytes. Of an animation
    the first picture is kept. Invalid for what cannot be decoded.
    """
    from PIL import Image, ImageOps

    drawn = BytesIO()
    try:
        with Image.open(BytesIO(content), formats=[form.name]) as image:
            _check_pixels(image.size, what)
            image.draft("RGB", box)  # of a photograph no more is decoded than is needed
            small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail(box)
        small = ImageOps.exif_transpose(small)
        small.info.clear()
        small.save(drawn, form.name, **form.options)
    except Invalid:
        raise
    except Exception as error:  # the library raises whatever a broken file leads it to
        raise Invalid(f"{what} is an image that cannot be read") from error
    return drawn.getvalue()


def make_cover(content: bytes, what: str) -> Cover:
    """A cover as it came, and a smaller one: a fifth of a large one, two fifths of another."""
    form = recognize(content, what)
    width, height = measure(content, form, what)
    share = 0.2 if height >= 1000 else 0.4
    box = (max(1, round(width * share)), max(1, round(height * share)))
    return Cover(content, redraw(content, form, box, what), form.extension)


def measure(content: bytes, form: Format, what: str) -> tuple[int, int]:
    """Width and height in pixels."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=[form.name]) as image:
            _check_pixels(image.size, what)
            return image.size
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"{what} is an image that cannot be read") from error


def _check_pixels(size: tuple[int, int], what: str) -> None:
    if size[0] * size[1] > PIXELS:
        raise Invalid(f"{what} has more than {PIXELS} pixels")
