"""Members of zip, 7z, rar, tar, gz and bz2 files, read in blocks with flat memory.

``open_archive`` gives an ``Archive`` whose ``feed`` hands out the bytes of the wanted members in
the order asked for. Whatever is wrong with a file is one ``BadArchive`` whose text is for people.
"""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any
from zlib import crc32

from romm_lite.disk.members import (
    BLOCK,
    MAX_MEMBERS,
    Archive,
    BadArchive,
    CannotExtract,
    InOrder,
    Member,
    Metered,
    Readable,
    Sink,
    Watch,
    clean_name,
    never,
    size_limit,
    told_plainly,
)

SNIFFED = 512
"""So many bytes of a file's start tell its kind."""

_TIGHT_BLOCK = 4096
"""Where unpacking has no bound of its own: no more than 30 MB (LZMA) come of this much."""
_DEFLATE64 = 9
_TAR_MAGIC = slice(257, 262)
_MAGICS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x8b\x08", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_OWN_FORMATS = tuple(
    f".{extension}"
    for extension in [
        "aab",
        "apk",
        "docx",
        "epub",
        "ipa",
        "jar",
        "odp",
        "ods",
        "odt",
        "pptx",
        "xlsx",
    ]
)
"""Formats that merely are built as zip files."""

Opener = Callable[[Path], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]


def recognize(name: str, head: bytes) -> str | None:
    """The kind of container a file is: zip, 7z, rar, tar, gz, bz2 or xz; None if it is none.

    ``head`` is its first ``SNIFFED`` bytes. Content decides; a zip behind a program and a tar of
    before 1988 are known by their names.
    """
    lowered = name.lower()
    if lowered.endswith(_OWN_FORMATS):
        return None
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    if head[_TAR_MAGIC] == b"ustar":
        return "tar"
    return next((kind for kind in ("zip", "tar") if head and lowered.endswith(f".{kind}")), None)


def lists_checksums(name: str) -> bool:
    """Whether a file calls itself an archive that lists the CRC-32 of what is in it."""
    return name.lower().endswith((".zip", ".7z", ".rar"))


def open_archive(
    path: Path,
    *,
    kind: str | None = None,
    stop: Callable[[], bool] = never,
    seven_zip_timeout: float = 60,
) -> Archive | None:
    """The container at ``path``, None if it is none.

    ``BadArchive`` if it is damaged, ``OSError`` if the file cannot be read at all. ``kind`` is
    what ``recognize`` said, if it was asked already. The time limit, in seconds, is for 7z and
    rar.
    """
    with told_plainly():
        if kind is None:
            with path.open("rb", buffering=0) as file:
                kind = recognize(path.name, file.read(SNIFFED))
        if kind is None:
            return None
        archive = _OPENERS[kind](path, stop, seven_zip_timeout)
        if archive:
            _refuse_bombs(archive)
        return archive


def _refuse_bombs(archive: Archive) -> None:
    if len(archive.members) > MAX_MEMBERS:
        raise BadArchive(f"it has more than {MAX_MEMBERS} members")
    if sum(member.size or 0 for member in archive.members) > size_limit(archive.path):
        raise BadArchive("it unpacks to an absurd size")


class ZipArchive(Archive):
    """Zip, with deflate64 and whatever else the standard library knows."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(path, watch)
        self._file = zipfile.ZipFile(path)
        self._infos = self._file.infolist()
        if any(info.flag_bits & 1 for info in self._infos):
            self.close()
            raise BadArchive("it is encrypted")
        self.members = tuple(
            Member(index, clean_name(info.filename), info.file_size, info.CRC, _is_zip_file(info))
            for index, info in enumerate(self._infos)
        )

    def close(self) -> None:
        self._file.close()

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        for member in wanted:
            info = self._infos[member.index]
            with self._open(info) as source:
                block = _TIGHT_BLOCK if info.compress_type == zipfile.ZIP_LZMA else BLOCK
                self._pour(source, member, sink, block)

    @contextmanager
    def _open(self, info: zipfile.ZipInfo) -> Iterator[Readable]:
        if info.compress_type not in (_DEFLATE64, zipfile.ZIP_BZIP2):
            with self._file.open(info) as source:
                yield source
            return
        with self._file.open(_as_stored(info)) as packed:
            if info.compress_type == _DEFLATE64:
                yield _Checked(_Inflate64(packed), info.CRC)
            else:
                with bz2.BZ2File(packed) as source:
                    yield _Checked(source, info.CRC)


def _as_stored(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The same member as if its packed bytes were its content."""
    stored = copy(info)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    del stored.CRC  # else it is checked against the packed bytes
    return stored


class _Inflate64:
    """Unpacks deflate64, which the standard library leaves out."""

    def __init__(self, packed: Readable) -> None:
        from inflate64 import Inflater

        self._packed = packed
        self._inflater = Inflater()

    def read(self, _size: int, /) -> bytes:
        data = b""
        while not data and (packed := self._packed.read(_TIGHT_BLOCK)):
            data = bytes(self._inflater.inflate(packed))
        return data


class _Checked:
    """Bytes that must have a checksum when they end."""

    def __init__(self, source: Readable, crc: int) -> None:
        self._source = source
        self._expected = crc
        self._crc = 0

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._crc = crc32(data, self._crc)
        if not data and self._crc != self._expected:
            raise BadArchive("it is damaged: a checksum is wrong")
        return data


def _is_zip_file(info: zipfile.ZipInfo) -> bool:
    unix_mode = info.external_attr >> 16 if info.create_system == 3 else 0
    return not info.is_dir() and not stat.S_ISLNK(unix_mode)


class TarArchive(Archive):
    """A tar that is not compressed, whose members can be read in any order."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(path, watch)
        self._tar = tarfile.open(path, "r:", errors="replace")  # noqa: SIM115  closed by close()
        self._infos: list[tarfile.TarInfo] = []
        try:
            self._infos += _tar_infos(self._tar, watch)
        except BaseException:
            self.close()
            raise
        self.members = _tar_members(self._infos)

    def close(self) -> None:
        self._tar.close()

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        for member in wanted:
            source = self._tar.extractfile(self._infos[member.index])
            if source is None:
                raise BadArchive(f"{member.name} is not a regular file")
            with source:
                self._pour(source, member, sink)


class PackedTar(Archive):
    """A compressed tar: unpacked once to list it and once more to read it."""

    def __init__(self, path: Path, watch: Watch, opener: Opener) -> None:
        super().__init__(path, watch)
        self._opener = opener
        with self._open() as tar:
            self.members = _tar_members(_tar_infos(tar, watch))

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        indices = {member.index: member for member in wanted}
        with self._open() as tar, InOrder(wanted, sink) as order:
            for index, info in enumerate(_tar_infos(tar, self._watch)):
                member = indices.pop(index, None)
                source = tar.extractfile(info) if member else None
                if member and source:
                    self._pour(source, member, order.write)
                    order.finish(member)
                if not indices:
                    break

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        with self._opener(self.path) as packed:
            source: Any = Metered(packed, self.path, self._watch)
            with tarfile.open(fileobj=source, mode="r|", bufsize=BLOCK, errors="replace") as tar:
                yield tar


def _tar_infos(tar: tarfile.TarFile, watch: Watch) -> Iterator[tarfile.TarInfo]:
    for count, info in enumerate(tar):
        watch.check()
        if count >= MAX_MEMBERS:
            raise BadArchive(f"it has more than {MAX_MEMBERS} members")
        yield info


def _tar_members(infos: Iterable[tarfile.TarInfo]) -> tuple[Member, ...]:
    return tuple(
        Member(index, clean_name(info.name), info.size, None, info.isreg())
        for index, info in enumerate(infos)
    )


class PackedFile(Archive):
    """One file compressed by itself (gz, bz2); how large it is only reading it tells."""

    def __init__(self, path: Path, watch: Watch, opener: Opener) -> None:
        super().__init__(path, watch)
        self._opener = opener
        self.members = (Member(0, clean_name(path.stem), None, None, True),)

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        with self._opener(self.path) as packed:
            for member in wanted:
                self._pour(Metered(packed, self.path, self._watch), member, sink)


class SevenZip(Archive):
    """7z, read by py7zr in one pass whatever the order asked for."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(path, watch)
        with self._open() as archive:
            if archive.needs_password():
                raise BadArchive("it is encrypted")
            self.members = tuple(
                Member(
                    index, clean_name(info.filename), info.uncompressed, info.crc32, info.is_file
                )
                for index, info in enumerate(archive.list())
            )

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        filled = [member for member in sorted(wanted, key=lambda m: m.index) if member.size]
        names = {member.name for member in filled}
        if sum(member.name in names for member in self.files()) != len(filled):
            raise BadArchive("two of its members have the same name")
        if not filled:
            return
        in_turn = [member for member in wanted if member.size]
        with self._open() as archive, InOrder(in_turn, sink) as order:
            factory = _SevenZipFactory(filled, order, self._watch)
            archive.extract(targets=names, factory=factory)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        from py7zr import exceptions, py7zr

        # A block of py7zr can take 128 MB, and three times that while it is put together.
        vars(py7zr).update(get_memory_limit=lambda: 4 * BLOCK)
        try:
            # Given an open file py7zr works in this thread alone.
            with self.path.open("rb") as file, py7zr.SevenZipFile(file) as archive:
                yield archive
        except exceptions.PasswordRequired:
            raise BadArchive("it is encrypted") from None


class _SevenZipFactory:
    """Gives py7zr one writer after another; it asks in the order of the archive."""

    def __init__(self, members: Sequence[Member], order: InOrder, watch: Watch) -> None:
        self._left = deque(members)
        self._order = order
        self._watch = watch

    def create(self, _name: str) -> "_SevenZipWriter":
        return _SevenZipWriter(self._left.popleft(), self._order, self._watch)


class _SevenZipWriter:
    """Looks like a file to py7zr."""

    def __init__(self, member: Member, order: InOrder, watch: Watch) -> None:
        self._member = member
        self._order = order
        self._watch = watch
        self._written = 0

    def write(self, data: bytes) -> int:
        self._watch.check()
        self._written += len(data)
        self._order.write(self._member, data)
        return len(data)

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        if self._written == self._member.size:
            self._order.finish(self._member)


class RarArchive(Archive):
    """Rar; members that are compressed need unrar, unar, 7z or bsdtar on this machine."""

    def __init__(self, path: Path, watch: Watch) -> None:
        import rarfile

        super().__init__(path, watch)
        self._rar = rarfile.RarFile(path)
        if self._rar.needs_password():
            raise BadArchive("it is encrypted")
        self._infos = self._rar.infolist()
        self.members = tuple(
            Member(index, clean_name(info.filename), info.file_size, info.CRC, info.is_file())
            for index, info in enumerate(self._infos)
        )

    def close(self) -> None:
        self._rar.close()

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        from rarfile import RarCannotExec

        for member in wanted:
            try:
                with self._rar.open(self._infos[member.index]) as source:
                    self._pour(source, member, sink)
            except RarCannotExec:
                raise CannotExtract(
                    "this machine has no unrar, unar, 7z or bsdtar to unpack it"
                ) from None


def _open_packed(path: Path, watch: Watch, opener: Opener) -> Archive | None:
    with opener(path) as packed:
        is_tar = packed.read(SNIFFED)[_TAR_MAGIC] == b"ustar"
    if is_tar:
        return PackedTar(path, watch, opener)
    # Nobody expects an .xz that is no tar to be looked into.
    return None if opener is lzma.LZMAFile else PackedFile(path, watch, opener)


_OPENERS: dict[str, Callable[[Path, Callable[[], bool], float], Archive | None]] = {
    "zip": lambda path, stop, _: ZipArchive(path, Watch(stop)),
    "7z": lambda path, stop, seconds: SevenZip(path, Watch(stop, seconds)),
    "rar": lambda path, stop, seconds: RarArchive(path, Watch(stop, seconds)),
    "tar": lambda path, stop, _: TarArchive(path, Watch(stop)),
    "gz": lambda path, stop, _: _open_packed(path, Watch(stop), gzip.GzipFile),
    "bz2": lambda path, stop, _: _open_packed(path, Watch(stop), bz2.BZ2File),
    "xz": lambda path, stop, _: _open_packed(path, Watch(stop), lzma.LZMAFile),
}
