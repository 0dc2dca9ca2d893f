"""The hash by which clients compare saves: MD5, of the entries where a save is a zip."""

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import IO

PIECE = 2**20
LARGEST_UNPACKED = 4 * 2**30
"""Bytes; a zip that unpacks to more has no content hash, so that nobody can keep us busy."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)
"""A damaged entry, one with a password, one in a way of packing that is not known."""


def hash_content(path: Path, raw: str) -> str | None:
    """The content hash of a file whose bytes have the MD5 ``raw``.

    The packing of a zip does not matter: it is hashed by the names and contents of its entries.
    None for a zip that cannot be read.
    """
    if not zipfile.is_zipfile(path):
        return raw
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE:
        return raw
    with archive:
        try:
            return _hash_entries(archive)
        except _UNREADABLE:
            return None


def _hash_entries(archive: zipfile.ZipFile) -> str | None:
    entries = sorted(
        (each for each in archive.infolist() if not each.filename.endswith("/")),
        key=lambda each: each.filename,
    )
    if sum(each.file_size for each in entries) > LARGEST_UNPACKED:
        return None
    lines = []
    for each in entries:
        with archive.open(each) as content:
            lines.append(f"{each.filename}:{_hash(content)}")
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _hash(content: IO[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while piece := content.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
