"""Copies of covers as WebP, beside them."""

import logging
import os
from io import BytesIO
from pathlib import Path

from romm_lite.disk.images import PIXELS
from romm_lite.kernel.paths import write_whole

log = logging.getLogger(__name__)

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tiff", ".gif"})
QUALITY = 90


def find(resources: Path) -> list[Path]:
    """Pictures in folders of covers that have no copy yet."""
    found = []
    for folder, folders, names in os.walk(resources):
        folders.sort()
        here = Path(folder)
        if "cover" in here.relative_to(resources).parts:
            copies = {name for name in names if name.endswith(".webp")}
            found += [
                here / name
                for name in sorted(names)
                if Path(name).suffix.lower() in EXTENSIONS
                and Path(name).with_suffix(".webp").name not in copies
                and not name.startswith(".")
            ]
    return found


def convert(picture: Path) -> bool:
    """Write the copy of a picture; False, and a word in the log, if it cannot be read."""
    from PIL import Image

    written = BytesIO()
    try:
        with Image.open(picture) as image:
            if image.size[0] * image.size[1] > PIXELS:
                raise ValueError(f"it has more than {PIXELS} pixels")
            mode = "RGBA" if image.has_transparency_data or image.mode == "P" else "RGB"
            image.convert(mode).save(written, "WEBP", quality=QUALITY)
        write_whole(picture.with_suffix(".webp"), written.getvalue())
    except Exception as error:  # the library raises whatever a broken file leads it to
        log.warning("%s cannot be converted: %s", picture, error)
        return False
    return True
