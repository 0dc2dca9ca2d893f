"""A small library of made-up games in either of RomM's structures, and what a scan should find.

``GAMES`` and ``FIRMWARE`` say both what lies on the disk and what is expected; ``write_library``
puts them there. The content of each file follows from its name, so that all differ and none changes
from run to run.
"""

import hashlib
import io
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

Structure = Literal["A", "B"]
"""A: ``roms/nes/Game.nes``; B: ``nes/roms/Game.nes``."""
Digests = tuple[str, str, str]
"""CRC-32, MD5 and SHA-1 in lower-case hex."""

UNHASHED = ("ps3", "switch")


def make_bytes(name: str, size: int) -> bytes:
    """Noise that belongs to a name."""
    return random.Random(name).randbytes(size)


def make_zip(members: Mapping[str, bytes]) -> bytes:
    """The same archive on every run."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)
    return buffer.getvalue()


def digest(content: bytes) -> Digests:
    md5 = hashlib.md5(content, usedforsecurity=False)
    sha1 = hashlib.sha1(content, usedforsecurity=False)
    return f"{zlib.crc32(content):08x}", md5.hexdigest(), sha1.hexdigest()


def read_digest(row: Mapping[str, Any]) -> Digests:
    """What a ROM, file or firmware of the API says its content is."""
    return row["crc_hash"], row["md5_hash"], row["sha1_hash"]


@dataclass(frozen=True)
class Game:
    """One ROM: its files, by path from its own name on, and what its name tells.

    ``members`` are what a zip holds. ``categories`` are those of its files, by path.
    """

    platform: str
    fs_name: str
    files: Mapping[str, bytes]
    name: str
    regions: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    revision: str | None = None
    members: Mapping[str, bytes] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        return list(self.files) != [self.fs_name]

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def top_level(self) -> dict[str, bytes]:
        """The files that are the ROM itself; those in its subfolders are extras."""
        return {path: content for path, content in self.files.items() if "/" not in path}

    @property
    def digests(self) -> Digests:
        """Of what an archive holds, or of the files end to end in the order of their names."""
        parts = self.members or self.top_level
        return digest(b"".join(parts[name] for name in sorted(parts)))

    @property
    def shape(self) -> str:
        """The one of the flags ``has_…`` that is true."""
        if len(self.top_level) > 1:
            return "has_multiple_files"
        nested = self.is_folder
        return "has_nested_single_file" if nested else "has_simple_single_file"


def make_flat(platform: str, fs_name: str, size: int, **told: Any) -> Game:
    return Game(platform, fs_name, {fs_name: make_bytes(fs_name, size)}, **told)


def make_zipped(platform: str, fs_name: str, sizes: Mapping[str, int], **told: Any) -> Game:
    members = {name: make_bytes(fs_name + name, size) for name, size in sizes.items()}
    return Game(platform, fs_name, {fs_name: make_zip(members)}, members=members, **told)


def make_folder(platform: str, fs_name: str, sizes: Mapping[str, int], **told: Any) -> Game:
    files = {path: make_bytes(fs_name + path, size) for path, size in sizes.items()}
    return Game(platform, fs_name, files, **told)


def make_discs(platform: str, fs_name: str, discs: int, **told: Any) -> Game:
    """A game on several discs, each a cue sheet and its track, and the playlist of them."""
    stem = fs_name.split(" (")[0]
    files: dict[str, bytes] = {}
    for number in range(1, discs + 1):
        track = f"{stem} (Disc {number}).bin"
        files[track] = make_bytes(track, 90_000)
        files[f"{stem} (Disc {number}).cue"] = f'FILE "{track}" BINARY\n'.encode()
    sheets = [path for path in files if path.endswith(".cue")]
    files[f"{stem}.m3u"] = "\n".join(sheets).encode()
    return Game(platform, fs_name, files, **told)


GAMES = (
    make_flat("nes", "Moss Runner (USA) (Rev 1).nes", 40_976,
              name="Moss Runner", regions=["USA"], revision="1"),
    make_flat("nes", "Moss Runner (Japan) (Beta).nes", 40_976,
              name="Moss Runner", regions=["Japan"], tags=["Beta"]),
    make_flat("nes", "Lantern Keep (Europe) (En,Fr).nes", 24_592,
              name="Lantern Keep", regions=["Europe"], languages=["English", "French"]),
    make_flat("snes", "Étoile Perdue (France) (Rev B).sfc", 65_536,
              name="Étoile Perdue", regions=["France"], revision="B"),
    make_zipped("snes", "Tin Orchard (USA, Europe).zip", {"Tin Orchard.sfc": 65_536},
                name="Tin Orchard", regions=["USA", "Europe"]),
    make_flat("n64", "Paper Comet (Japan) [!].z64", 131_072,
              name="Paper Comet", regions=["Japan"], tags=["!"]),
    make_flat("gb", "Pocket Moth (World).gb", 32_768, name="Pocket Moth", regions=["World"]),
    make_zipped("arcade", "mothzap.zip", {"b.rom": 4096, "a.rom": 8192, "c.prom": 256},
                name="mothzap"),
    make_zipped("arcade", "ironvale.zip", {"main.bin": 16_384}, name="ironvale"),
    make_folder("psx", "Harbor Lights (Europe)",
                {"Harbor Lights (Track 1).bin": 200_000, "Harbor Lights (Track 2).bin": 50_000,
                 "Harbor Lights.cue": 120},
                name="Harbor Lights", regions=["Europe"]),
    make_discs("psx", "Long Road (USA)", 3, name="Long Road", regions=["USA"]),
    make_flat("psp", "Cinder Track (USA).iso", 180_224, name="Cinder Track", regions=["USA"]),
    make_folder("ps3", "Iron Vale (Europe)",
                {"PS3_DISC.SFB": 1536, "PS3_GAME/PARAM.SFO": 1200,
                 "PS3_GAME/USRDIR/EBOOT.BIN": 60_000},
                name="Iron Vale", regions=["Europe"]),
    make_folder("switch", "Glass Meadow (World)",
                {"Glass Meadow.nsp": 100_000, "update/Glass Meadow v1.1.nsp": 30_000,
                 "dlc/Glass Meadow Winter.nsp": 20_000},
                name="Glass Meadow", regions=["World"],
                categories={"update/Glass Meadow v1.1.nsp": "update",
                            "dlc/Glass Meadow Winter.nsp": "dlc"}),
)  # fmt: skip

FIRMWARE: Mapping[str, Mapping[str, bytes]] = {
    "psx": {name: make_bytes(name, 65_536) for name in ("boot-eu.bin", "boot-us.bin")},
    "arcade": {"board.zip": make_zip({"board.rom": make_bytes("board.rom", 8192)})},
}

PLATFORMS = sorted({game.platform for game in GAMES})


def roms_folder(platform: str, structure: Structure) -> str:
    """Where a platform's ROMs lie, relative to the library."""
    return f"roms/{platform}" if structure == "A" else f"{platform}/roms"


def bios_folder(platform: str, structure: Structure) -> str:
    return f"bios/{platform}" if structure == "A" else f"{platform}/bios"


def find_game(fs_name: str) -> Game:
    return next(game for game in GAMES if game.fs_name == fs_name)


def write_library(library: Path, structure: Structure = "A") -> None:
    for game in GAMES:
        folder = library / roms_folder(game.platform, structure)
        for path, content in game.files.items():
            write(folder / game.fs_name / path if game.is_folder else folder / path, content)
    for platform, files in FIRMWARE.items():
        for name, content in files.items():
            write(library / bios_folder(platform, structure) / name, content)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
