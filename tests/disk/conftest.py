"""Containers made for the tests, byte by byte where no tool here can write them."""

import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import crc32

import pytest

Contents = Mapping[str, bytes]
MakeRar = Callable[..., Path]


@pytest.fixture
def needs_rights(tmp_path: Path) -> None:
    """Skips where the user may read everything, as root may."""
    (tmp_path / "probe").touch(mode=0)
    if os.access(tmp_path / "probe", os.R_OK):
        pytest.skip("this user may read everything")


@pytest.fixture
def make_zip(tmp_path: Path) -> Callable[..., Path]:
    def make(
        contents: Contents, name: str = "game.zip", method: int = zipfile.ZIP_DEFLATED
    ) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            for member, data in contents.items():
                archive.writestr(member, data)
        return tmp_path / name

    return make


@pytest.fixture
def make_7z(tmp_path: Path) -> Callable[..., Path]:
    def make(contents: Contents, name: str = "game.7z", password: str | None = None) -> Path:
        import py7zr

        with py7zr.SevenZipFile(tmp_path / name, "w", password=password) as archive:
            for member, data in contents.items():
                archive.writestr(data, member)
        return tmp_path / name

    return make


@pytest.fixture
def make_rar(tmp_path: Path) -> MakeRar:
    """Rar 5 as its public format description has it; ``method`` 0 stores, 3 claims to compress."""

    def make(
        contents: Contents, name: str = "game.rar", method: int = 0, *, checksums: bool = True
    ) -> Path:
        parts = [b"Rar!\x1a\x07\x01\x00", _rar_block(1, 0, _vint(0))]
        for member, data in contents.items():
            encoded = member.encode()
            fields = (
                _vint(4 if checksums else 0)
                + _vint(len(data))
                + _vint(0o100644)
                + (struct.pack("<I", crc32(data)) if checksums else b"")
                + _vint(method << 7)
                + _vint(1)
                + _vint(len(encoded))
                + encoded
            )
            parts += [_rar_block(2, 2, fields, len(data)), data]
        (tmp_path / name).write_bytes(b"".join([*parts, _rar_block(5, 0, _vint(0))]))
        return tmp_path / name

    return make


def _vint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _rar_block(kind: int, flags: int, fields: bytes, data_size: int | None = None) -> bytes:
    body = _vint(kind) + _vint(flags)
    if data_size is not None:
        body += _vint(data_size)
    body += fields
    body = _vint(len(body)) + body
    return struct.pack("<I", crc32(body)) + body
