"""The files that the hashes of the reference hasher belong to, made from nothing."""

import hashlib
import struct
from collections.abc import Iterator, Mapping

SECTOR = 2048
SYNC = b"\x00" + b"\xff" * 10 + b"\x00"


def noise(seed: str, size: int) -> bytes:
    """The same bytes for the same seed."""
    blocks = (hashlib.sha256(f"{seed}:{n}".encode()).digest() for n in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def swap(data: bytes, width: int) -> bytes:
    """Data with the bytes of each number turned round."""
    return b"".join(data[at : at + width][::-1] for at in range(0, len(data), width))


def make_n64() -> bytes:
    return b"\x80\x37\x12\x40" + noise("n64", 0x20000)[4:]


def make_nds() -> bytes:
    header = bytearray(0x160)
    header[:16] = b"TESTGAME".ljust(12, b"\0") + b"ATST"
    struct.pack_into("<4I", header, 0x20, 0x4000, 0x2000000, 0x2000000, 0x1800)
    struct.pack_into("<4I", header, 0x30, 0x8000, 0x2380000, 0x2380000, 0xC00)
    struct.pack_into("<I", header, 0x68, 0xC000)
    return bytes(header) + noise("nds", 0x40000)[0x160:]


def make_psx() -> dict[str, bytes]:
    program = b"PS-X EXE" + bytes(20) + struct.pack("<I", 0x3000) + noise("psx", 0x37E0)
    config = b"BOOT = cdrom:\\SLUS_000.07;1\r\nTCB = 4\r\n"
    return {"SYSTEM.CNF": config, "SLUS_000.07": program, "DATA.BIN": noise("d", 5000)}


def make_ps2() -> dict[str, bytes]:
    config = b"BOOT2 = cdrom0:\\SLUS_200.01;1\r\nVER = 1.00\r\nVMODE = NTSC\r\n"
    return {"SYSTEM.CNF": config, "SLUS_200.01": b"\x7fELF" + noise("ps2", 0x2800)}


def make_psp() -> dict[str, bytes]:
    return {
        "PSP_GAME/PARAM.SFO": noise("sfo", 900),
        "PSP_GAME/SYSDIR/EBOOT.BIN": noise("eboot", 9000),
    }


def make_sega(magic: bytes, seed: str) -> bytes:
    return magic + noise(seed, 0x9800)[len(magic) :]


def make_iso(files: Mapping[str, bytes]) -> bytes:
    """A disc with these files, by their paths."""
    folders = [""]
    for path in files:
        parts = path.split("/")[:-1]
        folders += ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    places = {folder: 18 + n for n, folder in enumerate(dict.fromkeys(folders))}
    sectors = {16: b"\x01CD001\x01".ljust(156, b"\0") + _record(b"\0", 18, SECTOR, True)}
    place = 18 + len(places)
    inside: dict[str, list[bytes]] = {folder: [] for folder in places}
    for folder, sector in places.items():
        inside[folder] += [_record(name, sector, SECTOR, True) for name in (b"\0", b"\1")]
        if folder:
            above, _, name = folder.rpartition("/")
            inside[above].append(_record(name.encode(), sector, SECTOR, True))
    for path, data in files.items():
        above, _, name = path.rpartition("/")
        inside[above].append(_record(f"{name};1".encode(), place, len(data), False))
        sectors[place] = data
        place += -(-len(data) // SECTOR)
    sectors |= {places[folder]: b"".join(records) for folder, records in inside.items()}
    image = bytearray(SECTOR * place)
    for sector, data in sectors.items():
        image[sector * SECTOR : sector * SECTOR + len(data)] = data
    return bytes(image)


def _record(name: bytes, sector: int, size: int, is_folder: bool) -> bytes:
    both = struct.pack("<I", sector) + struct.pack(">I", sector)
    both += struct.pack("<I", size) + struct.pack(">I", size)
    rest = bytes(7) + bytes([2 * is_folder, 0, 0]) + b"\x01\x00\x00\x01" + bytes([len(name)]) + name
    length = 2 + len(both) + len(rest)
    length += length % 2
    return (bytes([length, 0]) + both + rest).ljust(length, b"\0")


def make_raw(image: bytes, mode: int) -> bytes:
    """An image of sectors of 2048 bytes as it lies on a CD; the parity is left out."""
    sectors = []
    for number in range(len(image) // SECTOR):
        data = image[number * SECTOR : (number + 1) * SECTOR]
        head = SYNC + struct.pack(">I", number << 8 | mode) + bytes(8 if mode == 2 else 0)
        sectors.append((head + data).ljust(2352, b"\0"))
    return b"".join(sectors)


PLAIN = {
    "gb/plain.gb": ("gb", 0x8000),
    "gbc/plain.gbc": ("gbc", 0x8000),
    "gba/plain.gba": ("gba", 0x20000),
    "genesis/plain.md": ("md", 0x20000),
    "sms/plain.sms": ("sms", 0x8000),
    "gamegear/plain.gg": ("gg", 0x8000),
    "atari2600/plain.a26": ("a26", 0x1000),
    "colecovision/plain.col": ("col", 0x4000),
    "jaguar/plain.j64": ("j64", 0x20000),
    "virtualboy/plain.vb": ("vb", 0x10000),
    "wonderswan/plain.ws": ("ws", 0x10000),
    "neo-geo-pocket/plain.ngp": ("ngp", 0x10000),
    "msx/plain.rom": ("msx", 0x8000),
    "supervision/plain.sv": ("sv", 0x8000),
    "nes/bare.nes": ("nes", 0xA000),
    "fds/bare.fds": ("fds", 65500),
    "snes/plain.sfc": ("sfc", 0x40000),
    "atari7800/bare.a78": ("a78", 0x8000),
    "lynx/bare.lnx": ("lnx", 0x20000),
    "tg16/plain.pce": ("pce", 0x40000),
    "arcade/pacman.zip": ("pacman", 1000),
    "arcade/Sub Folder-name.zip": ("x", 1000),
}
"""Seed and size."""
HEADED = {
    "nes/headered.nes": (b"NES\x1a\x02\x01\x01".ljust(16, b"\0"), "nes/bare.nes"),
    "fds/headered.fds": (b"FDS\x1a\x01".ljust(16, b"\0"), "fds/bare.fds"),
    "snes/copier.smc": (bytes(512), "snes/plain.sfc"),
    "atari7800/headered.a78": (b"\x01ATARI7800".ljust(128, b"\0"), "atari7800/bare.a78"),
    "lynx/headered.lnx": (b"LYNX".ljust(64, b"\0"), "lynx/bare.lnx"),
    "tg16/copier.pce": (bytes(512), "tg16/plain.pce"),
}
DISCS = {"psx/disc.iso": make_psx, "ps2/disc2.iso": make_ps2, "psp/umd.iso": make_psp}


def make_files() -> Iterator[tuple[str, bytes]]:
    """Name and content of all of them. Those of ``DISCS`` are laid out in a way of their own."""
    for name, (seed, size) in PLAIN.items():
        yield name, noise(seed, size)
    for name, (header, rest) in HEADED.items():
        yield name, header + noise(*PLAIN[rest])
    n64 = make_n64()
    yield "n64/big.z64", n64
    yield "n64/swapped.v64", swap(n64, 2)
    yield "n64/little.n64", swap(n64, 4)
    yield "nds/synthetic.nds", make_nds()
    for name, make in DISCS.items():
        yield name, make_iso(make())
    yield "segacd/segacd.iso", make_sega(b"SEGADISCSYSTEM  ", "scd")
    yield "saturn/saturn.iso", make_sega(b"SEGA SEGASATURN ", "sat")
