"""Stored (uncompressed) ZIP archives that are never written anywhere.

The layout is computed first, so that length and every byte's place are known: archives have an
exact Content-Length, an ETag, ranges and HEAD like files do. An entry whose CRC-32 is known has it
in its header; otherwise a data descriptor follows the bytes. Format: PKWARE APPNOTE 6.3.10, ZIP64
where sizes, offsets or the number of entries need it.
"""

import os
import stat
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Self

from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.times import from_ns
from romm_lite.web.compress import crc32
from romm_lite.web.downloads import PIECE, ContentChanged, Download, content_disposition

_FULL = 0xFFFF_FFFF
_MANY = 0xFFFF
_UTF8 = 0x0800
_DESCRIPTOR = 0x0008
_UNIX_FILE = 0o100644 << 16
_CRCS_KEPT = 4096
_PART = 2**20
"""Bytes that are read at once: with CRC-32 to compute more are no faster, only more memory."""
_crcs: dict[tuple[Path, int, int], int] = {}
"""CRC-32 of files read once, by path, size and time."""


@dataclass(frozen=True)
class ZipEntry:
    """One file of an archive; ``crc`` only if it is known to be that of these very bytes."""

    name: str
    source: Path | bytes
    size: int
    crc: int | None
    mtime_ns: int

    @classmethod
    def of_file(cls, name: str, path: Path, crc: int | None = None) -> Self:
        """The file at ``path`` as it is now; NotFound if there is none."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise NotFound(f"File {path.name} not found on disk") from exc
        if not stat.S_ISREG(found.st_mode):
            raise NotFound(f"File {path.name} not found on disk")
        return cls(name, path, found.st_size, crc, found.st_mtime_ns)

    @classmethod
    def of_bytes(cls, name: str, content: bytes, mtime_ns: int = 0) -> Self:
        return cls(name, content, len(content), crc32(content), mtime_ns)


class ZipPlan:
    """Where every byte of the archive will be.

    ValueError if a name is not a relative path that every unpacker takes, or stands there twice.
    """

    def __init__(self, entries: Sequence[ZipEntry]) -> None:
        _check_names(entries)
        self.entries = entries
        self.offsets: list[int] = []
        self.headers: list[bytes] = []
        position = 0
        for entry in entries:
            header = _local_header(entry)
            self.offsets.append(position)
            self.headers.append(header)
            position += len(header) + entry.size + _descriptor_size(entry)
        self.directory_at = position
        self.directory_size = sum(map(_central_size, entries, self.offsets))
        self.size = position + self.directory_size + len(self._end())

    @cached_property
    def etag(self) -> str:
        """A strong tag that changes with any name, size, time or known CRC."""
        digest = blake2b(digest_size=16)
        for entry in self.entries:
            line = (entry.name, entry.size, entry.crc, entry.mtime_ns)
            digest.update(repr(line).encode())
        return f'"{digest.hexdigest()}"'

    @property
    def modified(self) -> float:
        """Time of the newest entry, seconds since 1970."""
        return max((entry.mtime_ns for entry in self.entries), default=0) / 1e9

    def directory(self, crc_of: Callable[[int], int]) -> bytes:
        """Everything after the last entry, given each entry's CRC-32 by its number."""
        records = (
            _central_record(entry, offset, crc_of(number))
            for number, (entry, offset) in enumerate(zip(self.entries, self.offsets, strict=True))
        )
        return b"".join(records) + self._end()

    def _end(self) -> bytes:
        count, size, at = len(self.entries), self.directory_size, self.directory_at
        end = b""
        if count >= _MANY or size >= _FULL or at >= _FULL:
            end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, at)
            end += struct.pack("<IIQI", 0x07064B50, 0, at + size, 1)
        shown = min(count, _MANY)
        short = (0x06054B50, 0, 0, shown, shown, min(size, _FULL), min(at, _FULL), 0)
        return end + struct.pack("<IHHHHIIH", *short)


def _check_names(entries: Sequence[ZipEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if set(entry.name.split("/")) & {"", ".", ".."} or "\\" in entry.name or "\0" in entry.name:
            raise ValueError(f"{entry.name!r} cannot be a name in an archive")
        if entry.name in seen:
            raise ValueError(f"{entry.name!r} would be in the archive twice")
        seen.add(entry.name)


def _is_large(entry: ZipEntry) -> bool:
    return entry.size >= _FULL


def _descriptor_size(entry: ZipEntry) -> int:
    if entry.crc is not None:
        return 0
    return 24 if _is_large(entry) else 16


def _common(entry: ZipEntry, crc: int, version: int) -> bytes:
    """The fields a local header and a directory record share, from version to size."""
    flags = _UTF8 | (_DESCRIPTOR if entry.crc is None else 0)
    size = _FULL if _is_large(entry) else entry.size
    date, time = _dos_time(from_ns(entry.mtime_ns))
    return struct.pack("<HHHHHIII", version, flags, 0, time, date, crc, size, size)


def _dos_time(moment: datetime) -> tuple[int, int]:
    """Date and time, in UTC, as MS-DOS had them: from 1980 to 2107, in steps of two seconds."""
    if moment.year < 1980:
        return 0x0021, 0
    year = min(moment.year, 2107) - 1980
    date = year << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2


def _local_header(entry: ZipEntry) -> bytes:
    name = entry.name.encode()
    large = _is_large(entry)
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if large else b""
    common = _common(entry, entry.crc or 0, 45 if large else 20)
    return b"PK\x03\x04" + common + struct.pack("<HH", len(name), len(extra)) + name + extra


def _central_extra(entry: ZipEntry, offset: int) -> bytes:
    values = [entry.size, entry.size] if _is_large(entry) else []
    if offset >= _FULL:
        values.append(offset)
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""


def _central_size(entry: ZipEntry, offset: int) -> int:
    return 46 + len(entry.name.encode()) + len(_central_extra(entry, offset))


def _central_record(entry: ZipEntry, offset: int, crc: int) -> bytes:
    name, extra = entry.name.encode(), _central_extra(entry, offset)
    made_by = struct.pack("<H", 3 << 8 | 45)
    rest = (len(name), len(extra), 0, 0, 0, _UNIX_FILE, min(offset, _FULL))
    common = _common(entry, crc, 45 if extra else 20)
    return b"PK\x01\x02" + made_by + common + struct.pack("<HHHHHII", *rest) + name + extra


class ZipSource:
    """Reads the planned archive at any offset; a ``Source`` of downloads.

    Every file that is passed from its first byte to its last has its CRC-32 computed on the way, to
    be told afterwards or to be checked; ContentChanged if a file is not what it was when planned.
    """

    def __init__(self, plan: ZipPlan) -> None:
        self._plan = plan
        self._known: dict[int, int] = {}
        self._open: tuple[int, BinaryIO] | None = None
        self._position = 0
        self._running: int | None = None
        self._directory: bytes | None = None
        self.size = plan.size
        self.etag = plan.etag
        self.modified = plan.modified
        self.headers: Mapping[str, str] = {"content-type": "application/zip"}

    def read_at(self, offset: int, limit: int) -> bytes:
        pieces = []
        end = min(offset + min(limit, _PART), self.size)
        while offset < end:
            pieces.append(self._read_part(offset, end - offset))
            offset += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _read_part(self, offset: int, limit: int) -> bytes:
        """Bytes that lie in one header, one entry's content, one descriptor or the directory."""
        plan = self._plan
        if offset >= plan.directory_at:
            if self._directory is None:
                self._directory = plan.directory(self._crc)
            at = offset - plan.directory_at
            return self._directory[at : at + limit]
        # Entries have headers, so no two begin at one place.
        number = bisect_right(plan.offsets, offset) - 1
        entry, header = plan.entries[number], plan.headers[number]
        at = offset - plan.offsets[number]
        if at < len(header):
            return header[at : at + limit]
        at -= len(header)
        if at < entry.size:
            return self._read_content(number, at, min(limit, entry.size - at))
        at -= entry.size
        return self._descriptor(number)[at : at + limit]

    def _descriptor(self, number: int) -> bytes:
        entry = self._plan.entries[number]
        form = "<IIQQ" if _is_large(entry) else "<IIII"
        return struct.pack(form, 0x08074B50, self._crc(number), entry.size, entry.size)

    def _read_content(self, number: int, at: int, limit: int) -> bytes:
        entry = self._plan.entries[number]
        if isinstance(entry.source, bytes):
            return entry.source[at : at + limit]
        file = self._open_file(number, entry, at)
        piece = file.read(limit)
        if not piece:
            raise _changed(entry)
        self._position = at + len(piece)
        if self._running is not None:
            self._running = crc32(piece, self._running)
            if self._position == entry.size:
                self._learn(number, entry, self._running)
        if self._position == entry.size:
            self.close()
        return piece

    def _open_file(self, number: int, entry: ZipEntry, at: int) -> BinaryIO:
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = number, _open_unchanged(entry)
            self._position, self._running = 0, 0
        file = self._open[1]
        if at != self._position:
            self._position, self._running = file.seek(at), None
        return file

    def _learn(self, number: int, entry: ZipEntry, crc: int) -> None:
        if entry.crc is not None and entry.crc != crc:
            raise _changed(entry)
        self._known[number] = crc
        _remember(entry, crc)

    def _crc(self, number: int) -> int:
        entry = self._plan.entries[number]
        if entry.crc is not None:
            return entry.crc
        if number not in self._known:
            self._known[number] = _compute_crc(entry)
        return self._known[number]


def _open_unchanged(entry: ZipEntry) -> BinaryIO:
    """The entry's file, if it is still the one that was planned."""
    assert isinstance(entry.source, Path)
    try:
        file = entry.source.open("rb", buffering=0)
    except OSError as exc:
        raise _changed(entry) from exc
    found = os.fstat(file.fileno())
    if (found.st_size, found.st_mtime_ns) != (entry.size, entry.mtime_ns):
        file.close()
        raise _changed(entry)
    return file


def _changed(entry: ZipEntry) -> ContentChanged:
    return ContentChanged(
        f"{entry.name} is no longer what it was when the archive was planned; scan it again"
    )


def _compute_crc(entry: ZipEntry) -> int:
    """CRC-32 of an entry that was skipped, by reading it unless that was done before."""
    if isinstance(entry.source, bytes):
        return crc32(entry.source)
    crc = _crcs.get((entry.source, entry.size, entry.mtime_ns))
    if crc is None:
        crc = 0
        with _open_unchanged(entry) as file:
            for piece in _pieces(file):
                crc = crc32(piece, crc)
        _remember(entry, crc)
    return crc


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _remember(entry: ZipEntry, crc: int) -> None:
    if isinstance(entry.source, Path):
        if len(_crcs) >= _CRCS_KEPT:
            _crcs.clear()
        _crcs[entry.source, entry.size, entry.mtime_ns] = crc


def zip_response(plan: ZipPlan, name: str, *, sent: Callable[[], object] | None = None) -> Download:
    """The planned archive as a download called ``name``."""
    headers = {"content-disposition": content_disposition(name)}
    return Download(lambda: ZipSource(plan), headers, sent)
