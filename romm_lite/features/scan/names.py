"""Bringing the rows of each platform in line with its folder, by names, sizes and times alone."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy import true as sql_true
from sqlmodel import Session

from romm_lite.disk.archives import lists_checksums
from romm_lite.disk.layout import Entry, Listing, RomFile
from romm_lite.disk.names import show
from romm_lite.features.library import service as library
from romm_lite.features.scan.compare import FileChanges, KnownFile, compare
from romm_lite.features.scan.kinds import KNOWN_ONLY
from romm_lite.features.scan.scan import PlatformFolder, Scan, differences
from romm_lite.kernel.errors import LibraryUnavailable
from romm_lite.kernel.paths import NAME_LENGTH, PATH_LENGTH
from romm_lite.metadata.catalogue import describe, is_identified, resolve_slug
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

PAGE = 1000
_ROM_COLUMNS = (
    ROMS.c.id,
    ROMS.c.fs_name,
    ROMS.c.fs_path,
    ROMS.c.fs_size_bytes,
    ROMS.c.top_level_files,
    ROMS.c.nested_files,
    ROMS.c.has_soundtrack,
    ROMS.c.missing_from_fs,
)
_NAME_COLUMNS = tuple(
    ROMS.c[name]
    for name in [*library.describe_name(""), *library.describe_title("", "")]
    if name != "fs_name"
)
_FILE_COLUMNS = tuple(ROM_FILES.c[name] for name in KnownFile._fields)


class Known(NamedTuple):
    """A ROM as the database has it."""

    rom: Row[Any]
    files: list[KnownFile]


class NewEntry(NamedTuple):
    """A ROM on the disk that no row has."""

    platform: PlatformFolder
    entry: Entry
    files: list[RomFile]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass
class _Batch:
    """What is to be written of one platform."""

    roms: list[dict[str, Any]] = field(default_factory=list)
    names: list[dict[str, Any]] = field(default_factory=list)
    files: list[tuple[int, FileChanges]] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.roms) + len(self.names) + len(self.missing)

    def write(self, session: Session, platform_id: int) -> None:
        library.change_roms(session, self.roms)
        if self.names:
            library.change_names(session, platform_id, self.names)
        write_files(session, self.files)
        if self.missing:
            library.mark_missing(session, self.missing)


def read_names(scan: Scan, fs_slugs: Sequence[str]) -> list[NewEntry]:
    """Store what changed on the platforms; returns new ROMs that may be missing ones renamed."""
    with scan.database.read() as session:
        rows = session.execute(select(PLATFORMS)).all()
    known = {row.fs_slug: row for row in rows}
    held: list[NewEntry] = []
    for fs_slug in fs_slugs:
        scan.run.check()
        stats = scan.run.stats
        stats.total_roms -= scan.estimates.get(fs_slug, 0)
        names = None if scan.files is None else scan.files[fs_slug]
        try:
            listing = _list(scan, fs_slug, names)
        except LibraryUnavailable as error:
            scan.run.report(f"{error}; nothing of platform {fs_slug} was marked missing.")
            continue
        stats.total_roms += len(names or () if scan.is_of_roms else listing.entries)
        platform = _store_platform(scan, fs_slug, known.get(fs_slug))
        scan.platforms[platform.id] = platform
        held += _Platform(scan, platform, listing, names).read()
        stats.scanned_platforms += 1
    return held


def _list(scan: Scan, fs_slug: str, names: Sequence[str] | None) -> Listing:
    """What is on the disk of what the scan is for."""
    listing = scan.layout.list_roms(fs_slug, names)
    if names is not None and len(listing.entries) < len(names):
        # Gone, or is their drive not mounted? A look at all of the folder tells.
        scan.layout.list_roms(fs_slug)
    return listing


def write_files(session: Session, changes: Sequence[tuple[int, FileChanges]]) -> None:
    """Store what changed among the files of ROMs, given by the ROM's id."""
    library.remove_files(session, [key for _, change in changes for key in change.gone])
    rows = [{"id": key, **columns} for _, c in changes for key, columns in c.changed.items()]
    library.change_files(session, rows)
    new = {rom_id: change.new for rom_id, change in changes if change.new}
    there = {
        rom_id: {(file.file_path, file.file_name) for file in files}
        for rom_id, files in find_files(session, list(new)).items()
    }
    # An upload may have stored some of them since the rows were read.
    library.add_files(
        session,
        {
            rom_id: [
                library.describe_file(file)
                for file in files
                if (file.file_path, file.file_name) not in there.get(rom_id, ())
            ]
            for rom_id, files in new.items()
        },
    )


def _store_platform(scan: Scan, fs_slug: str, row: Row[Any] | None) -> PlatformFolder:
    config = scan.config
    slug = resolve_slug(fs_slug, config.platforms_binding, config.platforms_versions)
    columns = {**describe(slug).columns(), "missing_from_fs": False}
    scan.run.stats.identified_platforms += is_identified(columns)
    if row is None:
        with scan.write() as session:
            key = library.add_platform(session, {**columns, "fs_slug": fs_slug})
        scan.run.stats.new_platforms += 1
        return PlatformFolder(key, fs_slug, slug)
    if changed := differences(row, columns):
        with scan.write() as session:
            library.change_platforms(session, [{"id": row.id, **changed}])
    return PlatformFolder(row.id, fs_slug, slug)


class _Platform:
    """The walk along one platform's folder and rows, both sorted by name."""

    def __init__(
        self,
        scan: Scan,
        platform: PlatformFolder,
        listing: Listing,
        names: Sequence[str] | None = None,
    ) -> None:
        self._scan = scan
        self._platform = platform
        self._names = names
        self._may_miss = not scan.config.library_unknown
        self._entries = listing.entries
        self._fs_path = scan.layout.roms_path(platform.fs_slug)
        self._batch = _Batch()
        self._report_names(listing.unreadable_names)
        for name in listing.shadowed_names:
            scan.run.report(f"{name} is in two folders of {platform.fs_slug}; the first counts.")

    def read(self) -> list[NewEntry]:
        new: list[Entry] = []
        for entry, known in _side_by_side(self._entries, self._rows()):
            self._scan.run.check()
            if known is None:
                if entry is not None:
                    new.append(entry)
            elif entry is None:
                self._scan.run.stats.scanned_roms += self._scan.is_of_roms
                if self._may_miss and not known.rom.missing_from_fs:
                    self._batch.missing.append(known.rom.id)
            else:
                self._scan.run.stats.scanned_roms += 1
                if self._scan.run.is_complete and not self._scan.is_hashed(self._platform):
                    _remember(self._scan.unread, self._platform, [known.rom.id])
                if not self._is_same(entry, known):
                    self._compare(entry, known)
            if len(self._batch) >= library.BATCH:
                self._write()
        self._write()
        return self._add(new)

    def _rows(self) -> Iterator[Known]:
        """The rows of the platform by name, read in pages so that none is open while writing."""
        columns = _ROM_COLUMNS + (_NAME_COLUMNS if self._scan.renews_names else ())
        query = select(*columns).where(ROMS.c.platform_id == self._platform.id)
        if self._names is not None:
            query = query.where(ROMS.c.fs_name.in_(self._names))
        query = query.order_by(ROMS.c.fs_name).limit(PAGE)
        last = ""
        while True:
            with self._scan.database.read() as session:
                roms = session.execute(query.where(ROMS.c.fs_name > last)).all()
                files = find_files(session, [rom.id for rom in roms])
            for rom in roms:
                yield Known(rom, files.get(rom.id, []))
            if len(roms) < PAGE:
                return
            last = roms[-1].fs_name

    def _is_same(self, entry: Entry, known: Known) -> bool:
        """Whether a ROM that is one file needs no closer look; a folder always does."""
        rom, files = known
        if entry.is_dir or len(files) != 1 or rom.missing_from_fs or self._scan.renews_names:
            return False
        file = files[0]
        return (
            file.file_size_bytes == entry.size
            and file.modified_ns == entry.mtime_ns
            and file.file_path == self._fs_path
            and rom.fs_path == self._fs_path
        )

    def _compare(self, entry: Entry, known: Known) -> None:
        found = self._find_files(entry)
        if found is None:
            return
        rom = known.rom
        root = f"{self._fs_path}/{entry.name}"
        changes = compare(known.files, f"{rom.fs_path}/{rom.fs_name}", found, root)
        shape = library.describe_shape(self._fs_path, map(library.describe_file, found))
        columns = differences(rom, shape)
        if changes.voids_rom:
            columns |= library.NO_HASHES
        if rom.missing_from_fs:
            _remember(self._scan.returned, self._platform, [rom.id])
        if columns or changes.new or changes.changed or changes.gone:
            self._batch.roms.append({"id": rom.id, **columns})
            self._batch.files.append((rom.id, changes))
        if self._scan.renews_names:
            name = library.describe_name(rom.fs_name)
            name |= library.follow_title(rom, rom.name, rom.fs_name)
            if differences(rom, name):
                self._batch.names.append({"id": rom.id, **name})

    def _add(self, entries: Sequence[Entry]) -> list[NewEntry]:
        """Store new ROMs, if the scan does; those that may be missing ones renamed are returned."""
        if self._scan.is_of_roms or self._scan.run.kind in KNOWN_ONLY:
            self._scan.run.stats.scanned_roms += len(entries)
            return []
        held: list[NewEntry] = []
        missing_sizes = self._missing_sizes() if entries else set()
        new: list[NewEntry] = []
        for entry in entries:
            self._scan.run.check()
            self._scan.run.stats.scanned_roms += 1
            files = self._find_files(entry)
            if files is None:
                continue
            found = NewEntry(self._platform, entry, files)
            (held if found.size in missing_sizes else new).append(found)
            if len(new) >= library.BATCH:
                self._insert(new)
                new = []
        self._insert(new)
        return held

    def _insert(self, new: Sequence[NewEntry]) -> None:
        if not new:
            return
        roms = [self._describe(each) for each in new]
        with self._scan.write() as session:
            added = library.add_roms(session, self._platform.id, roms)
        self._scan.run.stats.new_roms += len(added)
        unread = [added[rom.fs_name] for rom in roms if rom.fs_name in added and not _is_read(rom)]
        _remember(self._scan.unread, self._platform, unread)

    def _describe(self, new: NewEntry) -> library.NewRom:
        """A new ROM. Where files are not read, only archives have something left to tell."""
        files = [library.describe_file(file) for file in new.files]
        hashes = library.NO_HASHES
        is_read = self._scan.is_hashed(self._platform)
        if not is_read and not any(lists_checksums(file.file_name) for file in new.files):
            files = [{**file, **library.FILE_NEVER_READ} for file in files]
            hashes = library.NEVER_READ
        return library.NewRom(new.entry.name, new.entry.is_dir, self._fs_path, files, hashes)

    def _missing_sizes(self) -> set[int]:
        """Sizes of the missing ROMs whose content is known; none where files are not read."""
        if not self._scan.is_hashed(self._platform):
            return set()
        query = select(ROMS.c.fs_size_bytes).distinct()
        query = query.where(
            ROMS.c.platform_id == self._platform.id,
            ROMS.c.missing_from_fs == sql_true(),
            func.coalesce(ROMS.c.sha1_hash, "") != "",
        )
        with self._scan.database.read() as session:
            return set(session.execute(query).scalars())

    def _find_files(self, entry: Entry) -> list[RomFile] | None:
        """The files of a ROM; None, and the reason told, if it has to be left as it is."""
        if len(entry.name) > NAME_LENGTH:
            self._scan.run.report(f"{self._fs_path}/{entry.name}: the name is too long; skipped.")
            return None
        try:
            found = self._scan.layout.walk_files(self._platform.fs_slug, entry)
        except LibraryUnavailable as error:
            self._scan.run.report(f"{error}; the ROM was left as it was.")
            return None
        self._report_names(found.unreadable_names)
        files = []
        for file in found.files:
            if len(file.file_path) > PATH_LENGTH or len(file.file_name) > NAME_LENGTH:
                self._scan.run.report(f"{file.full_path}: the path is too long; skipped.")
            else:
                files.append(file)
        return files

    def _report_names(self, names: Sequence[str]) -> None:
        for name in names:
            where = name if "/" in name else f"{self._fs_path}/{name}"
            self._scan.run.report(
                f"{show(where)}: the name is not valid UTF-8; rename the file to have it listed."
            )

    def _write(self) -> None:
        if self._batch:
            with self._scan.write() as session:
                self._batch.write(session, self._platform.id)
            self._batch = _Batch()


def _is_read(rom: library.NewRom) -> bool:
    """Whether the files of a new ROM are about to be read."""
    return bool(rom.files) and rom.hashes is not library.NEVER_READ


def _remember(
    kept: "dict[int, array[int]]", platform: PlatformFolder, rom_ids: Sequence[int]
) -> None:
    if rom_ids:
        kept.setdefault(platform.id, array("q")).extend(rom_ids)


def find_files(session: Session, rom_ids: Sequence[int]) -> dict[int, list[KnownFile]]:
    """The stored files of ROMs, by ROM."""
    files: dict[int, list[KnownFile]] = {}
    if rom_ids:
        query = select(*_FILE_COLUMNS).where(ROM_FILES.c.rom_id.in_(rom_ids))
        for row in session.execute(query).all():
            files.setdefault(row.rom_id, []).append(KnownFile._make(row))
    return files


def _side_by_side(
    entries: Sequence[Entry], rows: Iterator[Known]
) -> Iterator[tuple[Entry | None, Known | None]]:
    """Entries and rows of the same name as pairs; both come sorted by name."""
    known = next(rows, None)
    for entry in entries:
        while known is not None and known.rom.fs_name < entry.name:
            yield None, known
            known = next(rows, None)
        if known is not None and known.rom.fs_name == entry.name:
            yield entry, known
            known = next(rows, None)
        else:
            yield entry, None
    while known is not None:
        yield None, known
        known = next(rows, None)
