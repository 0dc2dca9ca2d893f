"""Digests of ROM files and of what is inside them; every file is read once, with flat memory."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import RawIOBase
from pathlib import Path

from romm_lite.disk.archives import SNIFFED, open_archive, recognize
from romm_lite.disk.exclusions import DEFAULT_EXTENSIONS, DEFAULT_FILES, compile_names
from romm_lite.disk.exotic import achievements
from romm_lite.disk.exotic.achievements import System
from romm_lite.disk.exotic.cartridges import RomHash
from romm_lite.disk.exotic.chd import read_sha1
from romm_lite.disk.members import (
    BLOCK,
    Archive,
    BadArchive,
    CannotExtract,
    Member,
    Stopped,
    never,
)

try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

_ARCHIVE_NAMES = tuple(
    f".{extension}"
    for extension in [
        "zip",
        "tar",
        "tar.gz",
        "tgz",
        "tar.bz2",
        "tbz2",
        "tar.xz",
        "txz",
        "7z",
        "rar",
    ]
)
_CRC_POLYNOMIAL = 0xEDB88320
_local = threading.local()


@dataclass(frozen=True)
class Digests:
    """Lower-case hex, the CRC-32 in 8 digits; all "" for what has no bytes or was not hashed."""

    crc: str = ""
    md5: str = ""
    sha1: str = ""


@dataclass(frozen=True)
class ArchiveMember:
    """One file inside a ROM archive, in the words of the wire; ``name`` is its path in there."""

    name: str
    size: int
    crc_hash: str
    md5_hash: str
    sha1_hash: str


@dataclass(frozen=True)
class FileHashes:
    """What became known of one file; ``note`` tells a person what could not be done, else ""."""

    digests: Digests = Digests()
    chd_sha1: str = ""
    archive_members: tuple[ArchiveMember, ...] | None = None
    ra: str | None = None
    """The hash of RetroAchievements, of the one file that stands for a ROM."""
    note: str = ""


class Running:
    """Digests in the making of one piece and, at choice, of all pieces up to its end."""

    __slots__ = ("_crc", "_md5", "_rom", "_sha1", "_whole", "size")

    def __init__(self, before: "Running | None" = None, rom: RomHash | None = None) -> None:
        """``before`` are the pieces ahead of this one, left as they are; ``rom`` takes this too."""
        self.size = 0
        self._crc = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._whole = before._copy() if before else None
        self._rom = rom

    def update(self, block: bytes | memoryview) -> None:
        self.size += len(block)
        self._crc = crc32(block, self._crc)
        self._md5.update(block)
        self._sha1.update(block)
        if self._whole:
            self._whole.update(block)
        if self._rom:
            self._rom.update(block)

    def digests(self) -> Digests:
        """The digests of this piece."""
        if not self.size:
            return Digests()
        return Digests(f"{self._crc:08x}", self._md5.hexdigest(), self._sha1.hexdigest())

    def end(self) -> "Running":
        """All pieces up to the end of this one; the first piece is its own whole."""
        return self._whole or self

    def _copy(self) -> "Running":
        copy = Running()
        copy.size, copy._crc = self.size, self._crc
        copy._md5, copy._sha1 = self._md5.copy(), self._sha1.copy()
        return copy


def hash_file(path: Path, stop: Callable[[], bool] = never) -> Digests:
    """Digests of the bytes as they are; ``OSError`` if they cannot be read."""
    running = Running()
    with path.open("rb", buffering=0) as file:
        _read(file, running, stop)
    return running.digests()


def hash_flat(
    path: Path,
    *,
    system: System | None = None,
    stop: Callable[[], bool] = never,
    seven_zip_timeout: float = 60,
) -> FileHashes:
    """Hashes of a ROM that is one file; those of the ROM are the same.

    An archive is hashed as all its members put end to end, sorted by path, and each by itself; any
    other container as its largest member. What cannot be unpacked is hashed as it is, and what
    cannot be read has no hashes; the note tells.
    """
    return _Hasher(stop, seven_zip_timeout).hash(path, None, system, flat=True)[0]


def hash_folder(
    files: Sequence[tuple[Path, bool]],
    *,
    system: System | None = None,
    stop: Callable[[], bool] = never,
    seven_zip_timeout: float = 60,
) -> tuple[list[FileHashes], Digests]:
    """Hashes of every file of a folder, in the order given, and those of the ROM.

    ``files`` are (path, is directly in the ROM's folder). A container counts as its largest member.
    The ROM's digests are of the files directly in the folder put end to end, sorted by name.
    """
    chosen = _choose(files, system)
    hasher = _Hasher(stop, seven_zip_timeout)
    hashes = [FileHashes()] * len(files)
    whole: Running | None = None
    for place in sorted(range(len(files)), key=lambda place: files[place][0].name):
        path, is_top_level = files[place]
        hashes[place], piece = hasher.hash(
            path, whole if is_top_level else None, system if place == chosen else None
        )
        if is_top_level and piece.size:
            whole = piece.end()
    return hashes, whole.digests() if whole else Digests()


def identify(path: Path) -> tuple[str, int] | None:
    """CRC-32 and size of the largest member, as the directory of a zip, 7z or rar has them.

    Nothing is unpacked. None for any other file, and for one that cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            kind = recognize(path.name, file.read(SNIFFED))
        archive = open_archive(path, kind=kind) if kind in ("zip", "7z", "rar") else None
        if archive is None:
            return None
        with archive:
            largest = _largest(archive.files())
    except (OSError, BadArchive):
        return None
    if largest.crc is None or not largest.size:
        return None
    return f"{largest.crc:08x}", largest.size


class _Hasher:
    """Hashes files under one stop token and one time limit."""

    def __init__(self, stop: Callable[[], bool], seven_zip_timeout: float) -> None:
        self._stop = stop
        self._seconds = seven_zip_timeout

    def hash(
        self, path: Path, before: Running | None, system: System | None, *, flat: bool = False
    ) -> tuple[FileHashes, Running]:
        """Hashes of a file, and the digests behind them continued from ``before``.

        With a ``system`` there is also the hash of RetroAchievements.
        """
        _check(self._stop)
        rom = achievements.start(path, system) if system else None
        found, running = self._hash(path, before, rom, flat=flat)
        if rom and not found.note:
            found = replace(found, ra=achievements.finish(path, rom, _md5_of_rom(found)))
        elif system and not rom and found.digests.md5:
            found = replace(found, ra=achievements.hash_at_rest(path, system, self._stop))
        return found, running

    def _hash(
        self, path: Path, before: Running | None, rom: RomHash | None, *, flat: bool
    ) -> tuple[FileHashes, Running]:
        buffer = _buffer()
        try:
            with path.open("rb", buffering=0) as file:
                got = file.readinto(buffer)
                head = bytes(buffer[:SNIFFED])[:got]
                unpacked, note = self._unpack(path, head, before, rom, flat=flat)
                if unpacked:
                    return unpacked
                if rom:
                    rom.begin(path.stat().st_size)
                running = Running(before, rom)
                running.update(buffer[:got])
                _read(file, running, self._stop)
        except OSError as error:
            return FileHashes(note=f"it cannot be read: {error.strerror}"), Running(before)
        return FileHashes(running.digests(), read_sha1(head), note=note), running

    def _unpack(
        self,
        path: Path,
        head: bytes,
        before: Running | None,
        rom: RomHash | None,
        *,
        flat: bool,
    ) -> tuple[tuple[FileHashes, Running] | None, str]:
        """Hashes of what is inside, or None with a note if there is nothing or it cannot be."""
        is_composite = flat and path.name.lower().endswith(_ARCHIVE_NAMES)
        kind = recognize(path.name, head)
        if kind == "rar" and not is_composite:
            kind = None
        try:
            archive = kind and open_archive(
                path, kind=kind, stop=self._stop, seven_zip_timeout=self._seconds
            )
            if not archive:
                is_odd = is_composite and bool(head)
                return None, "it is not the archive its name says" if is_odd else ""
            with archive:
                if is_composite:
                    return _hash_all(archive, rom), ""
                return _hash_largest(archive, before, rom), ""
        except BadArchive as error:
            return None, f"{error}: hashed as it is"


class _Members:
    """Takes the blocks of one member after another."""

    def __init__(self, largest: Member, rom: RomHash | None) -> None:
        """``rom`` takes the largest member."""
        self._largest = largest
        self._rom = rom
        self.hashed: dict[int, ArchiveMember] = {}
        self._member: Member | None = None
        self.running = Running()

    def take(self, member: Member, block: bytes) -> None:
        if member is not self._member:
            self.finish()
            before = self.running.end() if self._member else None
            rom = self._rom if member is self._largest else None
            if rom:
                rom.begin(member.size)
            self._member, self.running = member, Running(before, rom)
        self.running.update(block)

    def finish(self) -> None:
        if self._member:
            self.hashed[self._member.index] = _describe(
                self._member, self.running.size, self.running.digests()
            )


def _hash_all(archive: Archive, rom: RomHash | None) -> tuple[FileHashes, Running]:
    wanted = _wanted(archive)
    members = _Members(_largest(wanted), rom)
    try:
        archive.feed(wanted, members.take)
    except CannotExtract as error:
        return _trust_listing(wanted, str(error)), Running()
    members.finish()
    whole = members.running.end()
    described = tuple(
        members.hashed.get(member.index) or _describe(member, 0, Digests()) for member in wanted
    )
    return FileHashes(whole.digests(), archive_members=described), whole


def _hash_largest(
    archive: Archive, before: Running | None, rom: RomHash | None
) -> tuple[FileHashes, Running]:
    member = _largest(archive.files())
    if rom:
        rom.begin(member.size)
    running = Running(before, rom)
    archive.feed([member], lambda _, block: running.update(block))
    return FileHashes(running.digests()), running


def _wanted(archive: Archive) -> list[Member]:
    """The members a composite is made of: files no built-in rule leaves out, sorted by path."""
    is_excluded = compile_names(DEFAULT_FILES, DEFAULT_EXTENSIONS)
    wanted = [m for m in archive.files() if not is_excluded(m.name.rpartition("/")[2])]
    if not wanted:
        raise BadArchive("it holds no file")
    return sorted(wanted, key=lambda member: member.name)


def _largest(files: Sequence[Member]) -> Member:
    if not files:
        raise BadArchive("it holds no file")
    return max(files, key=lambda member: member.size or 0)


def _choose(files: Sequence[tuple[Path, bool]], system: System | None) -> int | None:
    """Which file stands for a folder in the eyes of RetroAchievements."""
    if system is None:
        return None
    places = [place for place, (_, is_top_level) in enumerate(files) if is_top_level]
    named = [(files[place][0].name, _size_of(files[place][0])) for place in places]
    chosen = achievements.choose_file(named, system, _ARCHIVE_NAMES)
    return None if chosen is None else places[chosen]


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _md5_of_rom(found: FileHashes) -> str:
    """The MD5 of a file, or of the largest one in it."""
    if found.archive_members is None:
        return found.digests.md5
    return max(found.archive_members, key=lambda member: member.size).md5_hash


def _trust_listing(wanted: Sequence[Member], reason: str) -> FileHashes:
    """Only checksums, as the archive itself lists them; "" where it lists none."""
    crc: int | None = 0
    described = []
    for member in wanted:
        size = member.size or 0
        listed = "" if member.crc is None or not size else f"{member.crc:08x}"
        described.append(_describe(member, size, Digests(crc=listed)))
        if size:
            known = crc is not None and member.crc is not None
            crc = join_crcs(crc or 0, member.crc or 0, size) if known else None
    whole = "" if crc is None or not any(each.size for each in described) else f"{crc:08x}"
    note = f"{reason}: only the checksums it lists are known"
    return FileHashes(Digests(crc=whole), archive_members=tuple(described), note=note)


def _describe(member: Member, size: int, digests: Digests) -> ArchiveMember:
    return ArchiveMember(member.name, size, digests.crc, digests.md5, digests.sha1)


def _read(file: RawIOBase, running: Running, stop: Callable[[], bool]) -> None:
    buffer = _buffer()
    while got := file.readinto(buffer):
        _check(stop)
        running.update(buffer[:got])


def _check(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped("stopped while reading a file")


def _buffer() -> memoryview:
    """The one buffer of this thread: making one for every small file costs more than its hash."""
    if not hasattr(_local, "buffer"):
        _local.buffer = memoryview(bytearray(BLOCK))
    buffer: memoryview = _local.buffer
    return buffer


def join_crcs(first: int, second: int, second_size: int) -> int:
    """CRC-32 of two pieces end to end, from those of the pieces and the size of the second."""
    shift, power = 0x80000000, 0x00800000  # x⁰ and x⁸, lowest power in the highest bit
    while second_size:
        if second_size & 1:
            shift = _multiply(shift, power)
        power = _multiply(power, power)
        second_size >>= 1
    return _multiply(shift, first) ^ second


def _multiply(left: int, right: int) -> int:
    """Product of two polynomials over GF(2), modulo the one of CRC-32."""
    product = 0
    for bit in range(31, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (_CRC_POLYNOMIAL if right & 1 else 0)
    return product
