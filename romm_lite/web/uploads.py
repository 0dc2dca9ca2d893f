"""A file that comes in chunks, in any order and some more than once, over restarts. Knows no games.

Every chunk is written where it belongs in one sparse file, under a hidden name in the folder where
the file is to lie, so that in the end nothing is copied. Beside it lies a journal: the machine's
start it was written in, the size of a chunk, and a byte for each chunk.

An acknowledged chunk outlives the process, and after a power cut none is taken to be there that is
not. A chunk's byte says WRITTEN when the system has all of it; that is believed until the machine
starts anew. While a chunk comes in, those before it are brought to the disk, and then their bytes
say STORED for good. So the disk and the network work at once, and a power cut costs what came last.
Where the system does not tell its starts, or several machines write, each chunk waits for the disk.
"""

import asyncio
import binascii
import errno
import hashlib
import logging
import math
import os
import re
import struct
import threading
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from uuid import UUID
from zlib import crc32

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request

from romm_lite.kernel.errors import Conflict, Invalid, NotFound, RequestError, TooLarge
from romm_lite.kernel.paths import sync, sync_folder
from romm_lite.web.render import describe

log = logging.getLogger(__name__)

PIECE = 2**19
LARGEST_CHUNK = 64 * 2**20
MOST_CHUNKS = 100_000
NO_SESSION = "Upload session not found or expired"
NOT_WRITTEN = "Error writing chunk to disk"
TAKEN = "Upload is already being assembled or has already completed"
_TOO_LARGE = "Chunk exceeds maximum allowed size"

_ENCODED = re.compile(r"(?:[\w!$&'()*+,;=@.~-]|%[0-9A-F]{2})*", re.I | re.A)
_EXTENDED = re.compile(r"(utf-8|iso-8859-1)'[a-z0-9-]*'(.*)", re.I | re.S)
_HEAD = struct.Struct("<16sQ")
"""The start of the machine, and the size of a chunk, 0 while it is not known."""
_ABSENT, _WRITTEN, _STORED = range(3)
_NO_START = bytes(16)


class Shape(NamedTuple):
    """So many bytes in so many chunks, all of one size but the last, which may be smaller.

    What that size is need not be said: the first chunk that comes tells.
    """

    size: int
    chunks: int

    @property
    def smallest(self) -> int:
        """The least a chunk can have, but the last."""
        return math.ceil(self.size / self.chunks) if self.chunks > 1 else self.size

    @property
    def largest(self) -> int:
        return (self.size - 1) // (self.chunks - 1) if self.chunks > 1 else self.size

    def check(self) -> None:
        """Invalid if no size of a chunk fits."""
        if self.chunks > MOST_CHUNKS:
            raise Invalid(f"An upload can have {MOST_CHUNKS} chunks at most")
        if self.smallest > self.largest:
            raise Invalid(f"{self.size} bytes cannot come in {self.chunks} chunks of one size")

    def derive_chunk_size(self, index: int, length: int) -> int:
        """The size of a chunk if the one with this index has so many bytes; Invalid if none can."""
        size, rest = length, 0
        if index == self.chunks - 1 and index > 0:
            size, rest = divmod(self.size - length, index)
        if rest or not self.smallest <= size <= self.largest or length > size:
            raise Invalid(f"Chunk {index} of {self.chunks} cannot have {length} bytes")
        return size

    def measure(self, index: int, chunk_size: int) -> int:
        """How many bytes a chunk has."""
        return min(chunk_size, self.size - index * chunk_size)


class Progress(NamedTuple):
    """Which chunks are there; their size is None while no chunk has come."""

    chunk_size: int | None
    marks: bytes

    @property
    def received(self) -> list[int]:
        return [index for index, mark in enumerate(self.marks) if mark]

    @property
    def missing(self) -> list[int]:
        return [index for index, mark in enumerate(self.marks) if not mark]

    @property
    def number(self) -> int:
        return len(self.marks) - self.marks.count(_ABSENT)


class ChunkedFile:
    """One file that is coming in, for any number of threads.

    ``lazily`` says that only this machine writes it. Raises NotFound when its files are gone, and
    Conflict when it is being completed.
    """

    def __init__(self, path: Path, shape: Shape, *, lazily: bool) -> None:
        self.path = path
        self.shape = shape
        self._journal = journal_of(path)
        self._start = _read_start() if lazily else None
        self._turn = threading.Condition()
        self._coming: dict[int, Chunk] = {}
        """The chunk that counts of those with this index: the last that began."""
        self._touched: set[int] = set()
        """Chunks that began since the last ``sync`` began."""
        self._writing = 0
        self._closed = False
        self._syncing = threading.Lock()

    def create(self) -> None:
        """Make the two files. No size is set, for some file systems would fill it with zeros."""
        head = _HEAD.pack(self._start or _NO_START, 0)
        for path, content in ((self._journal, head + bytes(self.shape.chunks)), (self.path, b"")):
            with path.open("xb") as file:
                file.write(content)
                sync(file)
        sync_folder(self.path.parent)

    def read(self) -> Progress:
        """What is there now."""
        return self._load()[1]

    def _load(self) -> tuple[bytes, Progress]:
        """The start of the machine that the journal is of, and what of it is to be believed."""
        with explained():
            content = self._journal.read_bytes()
        if len(content) != _HEAD.size + self.shape.chunks:
            raise NotFound(NO_SESSION)
        start, chunk_size = _HEAD.unpack_from(content)
        marks = content[_HEAD.size :]
        if start != self._start:
            marks = marks.replace(bytes([_WRITTEN]), bytes([_ABSENT]))
        return start, Progress(chunk_size or None, marks)

    def begin(self, index: int, length: int | None, sha256: bytes | None = None) -> "Chunk":
        """A chunk that is about to come, of so many bytes if that is known, with this digest.

        Invalid and TooLarge say why it cannot be. From here on one of this index that was there
        counts no more, and one that is still coming is refused.
        """
        self._check_bounds(index, length)
        with self._turn:
            self._check_open()
            progress = self._adopt()
            chunk_size = progress.chunk_size or self._learn_size(index, length)
            expected = self.shape.measure(index, chunk_size)
            if length is not None and length != expected:
                raise Invalid(f"Chunk {index} has {length} bytes instead of {expected}")
            if progress.chunk_size is None:
                self._put(0, _HEAD.pack(self._start or _NO_START, chunk_size), durably=True)
            if progress.marks[index] != _ABSENT:
                self._mark([index], _ABSENT, durably=True)
            chunk = Chunk(self, index, index * chunk_size, expected, sha256)
            self._coming[index] = chunk
            self._touched.add(index)
        return chunk

    def _check_bounds(self, index: int, length: int | None) -> None:
        shape = self.shape
        if not 0 <= index < shape.chunks:
            raise Invalid(f"Chunk index {index} out of range (total: {shape.chunks})")
        if shape.measure(index, shape.smallest) > LARGEST_CHUNK:
            raise TooLarge("Chunk size exceeds server maximum")
        if length is not None and length > LARGEST_CHUNK:
            raise TooLarge(_TOO_LARGE)

    def _learn_size(self, index: int, length: int | None) -> int:
        if self.shape.smallest == self.shape.largest:
            return self.shape.smallest
        if length is None:
            raise Invalid("The first chunk needs a Content-Length header")
        return self.shape.derive_chunk_size(index, length)

    def _adopt(self) -> Progress:
        """What is there; a journal of an earlier start of the machine becomes one of this."""
        start, progress = self._load()
        if self._start not in (None, start):
            head = _HEAD.pack(self._start, progress.chunk_size or 0)
            self._put(0, head + progress.marks, durably=True)
        return progress

    @contextmanager
    def writing(self, chunk: "Chunk") -> Iterator[None]:
        """While inside, the file is not completed. Conflict if the chunk does not count."""
        with self._turn:
            self._check_open()
            if self._coming.get(chunk.index) is not chunk:
                raise Conflict(f"Chunk {chunk.index} was sent again meanwhile")
            self._writing += 1
        try:
            yield
        finally:
            with self._turn:
                self._writing -= 1
                self._turn.notify_all()

    def take(self, chunk: "Chunk") -> None:
        """Note that a chunk has come whole; the caller is ``writing``."""
        if self._start is None:
            self._flush()
        with self._turn:
            del self._coming[chunk.index]
            self._mark([chunk.index], _STORED if self._start is None else _WRITTEN)

    def drop(self, chunk: "Chunk") -> None:
        """Forget a chunk that will not come."""
        with self._turn:
            if self._coming.get(chunk.index) is chunk:
                del self._coming[chunk.index]

    def sync(self) -> None:
        """Bring to the disk what has come so far; nothing if another thread is doing so."""
        if self._start is None or not self._syncing.acquire(blocking=False):
            return
        try:
            self._sync()
        finally:
            self._syncing.release()

    def _sync(self) -> None:
        with self._turn:
            marks = self.read().marks
            written = {index for index, mark in enumerate(marks) if mark == _WRITTEN}
            self._touched = set(self._coming)
        if not written:
            return
        try:
            self._flush()
        except OSError:
            # The system forgets what it could not write: another try would seem to succeed.
            with self._turn:
                self._mark(written, _ABSENT)
            raise
        with self._turn:
            self._mark(written - self._touched, _STORED)

    @contextmanager
    def completing(self) -> Iterator[None]:
        """While inside nothing is written; afterwards neither, unless an exception comes out."""
        with self._turn:
            self._check_open()
            self._closed = True
            self._turn.wait_for(lambda: not self._writing)
        try:
            yield
        except BaseException:
            with self._turn:
                self._closed = False
            raise

    def check_whole(self) -> None:
        """Invalid unless every chunk is there and the file as long as it should be."""
        if missing := self.read().missing:
            raise Invalid(f"Missing chunks: {missing}")
        with explained():
            size = self.path.stat().st_size
        if size != self.shape.size:
            expected = self.shape.size
            raise Invalid(f"Assembled file size mismatch: expected {expected}, got {size}")

    def move_to(self, target: Path) -> None:
        """Give the whole file its name, never in place of another; FileExistsError if there is."""
        self._flush()
        move_new(self.path, target)
        sync_folder(target.parent)
        self._journal.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove what has come."""
        remove_files(self.path)

    def _check_open(self) -> None:
        if self._closed:
            raise Conflict(TAKEN)

    def _flush(self) -> None:
        with self.path.open("r+b", buffering=0) as file:
            sync(file)

    def _mark(self, indexes: Iterable[int], mark: int, *, durably: bool = False) -> None:
        for index in indexes:
            self._put(_HEAD.size + index, bytes([mark]), durably=durably)

    def _put(self, offset: int, content: bytes, *, durably: bool = False) -> None:
        with explained(), self._journal.open("r+b", buffering=0) as file:
            file.seek(offset)
            file.write(content)
            if durably:
                sync(file)


class Chunk:
    """A chunk that is coming in; it counts once ``finish`` has returned."""

    def __init__(
        self, upload: ChunkedFile, index: int, offset: int, expected: int, sha256: bytes | None
    ) -> None:
        self.upload = upload
        self.index = index
        self._expected = expected
        self._taken = 0
        self._sha256 = sha256
        self._hash = hashlib.sha256() if sha256 else None
        with explained():
            self._file = upload.path.open("r+b", buffering=0)
        self._file.seek(offset)

    def write(self, content: bytes) -> None:
        """Write the next bytes; Invalid or TooLarge if they are too many."""
        self._taken += len(content)
        if self._taken > LARGEST_CHUNK:
            raise TooLarge(_TOO_LARGE)
        if self._taken > self._expected:
            raise Invalid(f"Chunk {self.index} has more than its {self._expected} bytes")
        left = memoryview(content)
        with self.upload.writing(self):
            while left:
                left = left[self._file.write(left) :]
        if self._hash:
            self._hash.update(content)

    def finish(self) -> None:
        """Have it counted; Invalid if it is too short or not what its digest says."""
        if self._taken != self._expected:
            raise Invalid(f"Chunk {self.index} has {self._taken} bytes instead of {self._expected}")
        if self._hash and self._hash.digest() != self._sha256:
            raise Invalid(f"Chunk {self.index} does not match its checksum")
        with self.upload.writing(self):
            self.upload.take(self)

    def close(self) -> None:
        """To be called in the end, whatever came of it."""
        self._file.close()
        self.upload.drop(self)


async def receive(request: Request, chunk: Chunk) -> Progress:
    """Take the body of a request as a chunk; what is there then."""
    syncing = asyncio.ensure_future(to_thread.run_sync(chunk.upload.sync))
    try:
        with explained():
            await _write(request, chunk)
    finally:
        chunk.close()
        with explained():
            await syncing
    return await to_thread.run_sync(chunk.upload.read)


async def _write(request: Request, chunk: Chunk) -> None:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size >= PIECE:
            await to_thread.run_sync(chunk.write, b"".join(pieces))
            pieces, size = [], 0
    await to_thread.run_sync(chunk.write, b"".join(pieces))
    await to_thread.run_sync(chunk.finish)


def read_length(headers: Headers) -> int | None:
    """The announced length of a body, None where none is."""
    announced = headers.get("content-length")
    if announced is None:
        return None
    if not (announced.isascii() and announced.isdigit()):
        raise Invalid("Invalid Content-Length header")
    return int(announced[:20])


def read_digest(name: str, value: str) -> bytes | None:
    """The SHA-256 in a header: hex in one of ours, a list in ``Content-Digest`` and ``Digest``.

    None where a list has other digests alone.
    """
    try:
        if name.startswith("x-"):
            digest = bytes.fromhex(value)
        else:
            named = dict(_split(member) for member in value.split(","))
            if "sha-256" not in named:
                return None
            digest = b64decode(named["sha-256"].strip(":"), validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise Invalid(f"Invalid {name} header")
    return digest


def read_file_name(value: str) -> str:
    """The name in a header: percent-encoded, by RFC 8187, or as it is in UTF-8 or Latin-1.

    What has a character that an encoder would have encoded is taken as it is, per cents and all.
    """
    extended = _EXTENDED.fullmatch(value)
    if extended is None and not _ENCODED.fullmatch(value):
        with suppress(UnicodeError):
            return value.encode("latin-1").decode()
        return value
    charset, encoded = extended.groups() if extended else ("utf-8", value)
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return value


def _split(member: str) -> tuple[str, str]:
    name, _, value = member.strip().partition("=")
    return name.lower(), value


def verify(path: Path, algorithm: str, expected: str) -> None:
    """Invalid if a file does not have this digest, in hex; the algorithm is hashlib's or crc32."""
    with path.open("rb") as file:
        if algorithm == "crc32":
            crc = 0
            while piece := file.read(PIECE):
                crc = crc32(piece, crc)
            found = f"{crc:08x}"
        else:
            found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected.lower():
        raise Invalid(f"The file does not match its checksum: its {algorithm} is {found}")


def journal_of(path: Path) -> Path:
    return path.with_suffix(".log")


def remove_files(path: Path) -> None:
    """Remove a file that was coming in, and its journal."""
    for each in (path, journal_of(path)):
        each.unlink(missing_ok=True)


def move_new(source: Path, target: Path) -> None:
    """Rename a file, but never over another: FileExistsError then."""
    try:
        os.link(source, target)
    except FileExistsError:
        if not source.samefile(target):  # else this was done before and cut short here
            raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
        return
    source.unlink()


@contextmanager
def explained(text: str = NOT_WRITTEN) -> Iterator[None]:
    """Trouble with the disk as answers; ``text`` is for what has no better word."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(NO_SESSION) from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise TooLarge("The disk cannot hold a file of this size") from error
        if known := describe(error):
            raise known from error
        log.error("%s: %s", text, error)
        raise RequestError(text) from error


@cache
def _read_start() -> bytes | None:
    """What this start of the machine is called, None where the system does not tell."""
    with suppress(OSError, ValueError):
        return UUID(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()).bytes
    return None
