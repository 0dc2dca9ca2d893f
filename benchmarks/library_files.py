"""Makes a library on the disk that looks like a collector's, quickly and always the same."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from zipfile import ZipFile, ZipInfo

from benchmarks.library_rows import FIRST, SECOND, TAGS

PLATFORMS = {
    "nes": "nes",
    "snes": "sfc",
    "gb": "gb",
    "gba": "gba",
    "genesis": "md",
    "n64": "z64",
    "psx": "bin",
}
"""File extension by platform folder."""
_STEP = 104_729  # a prime: walks through all names without an order


def make_library(library: Path, roms: int, size: int) -> None:
    """``roms`` ROMs of ``size`` bytes each below ``library/roms``, all of different content.

    One in twenty is a zip, one in fifty a folder of two discs.
    """
    for fs_slug in PLATFORMS:
        (library / "roms" / fs_slug).mkdir(parents=True)
    random = Random(1)
    for number, name in enumerate(_names(roms)):
        fs_slug, extension = list(PLATFORMS.items())[number % len(PLATFORMS)]
        stem = library / "roms" / fs_slug / name
        content = number.to_bytes(8, "big") + random.randbytes(max(size - 8, 0))
        if number % 50 == 7:
            stem.mkdir()
            half = len(content) // 2
            (stem / f"{name} (Disc 1).{extension}").write_bytes(content[:half])
            (stem / f"{name} (Disc 2).{extension}").write_bytes(content[half:])
        elif number % 20 == 3:
            with ZipFile(f"{stem}.zip", "w") as archive:
                archive.writestr(ZipInfo(f"{name}.{extension}"), content)
        else:
            Path(f"{stem}.{extension}").write_bytes(content)


def _names(count: int) -> Iterator[str]:
    """Different names in the way of No-Intro."""
    all_names = len(FIRST) * len(SECOND) * len(FIRST) * len(TAGS)
    for number in range(count):
        left = number * _STEP % all_names
        left, first = divmod(left, len(FIRST))
        left, second = divmod(left, len(SECOND))
        tag, last = divmod(left, len(FIRST))
        yield f"{FIRST[first]} {SECOND[second]} of {FIRST[last]} {TAGS[tag]}"


def make_large_file(path: Path, size: int) -> None:
    """A file of ``size`` bytes that are really on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(2**22)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
