"""Where platforms, ROMs, their files and firmware lie in the library.

Paths handed out are relative to the library and use ``/``; folders are told apart by case.
"""

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.exclusions import OWN, TRASH, Rule, compile_folders, compile_names
from romm_lite.disk.folders import MoreFolders
from romm_lite.disk.names import is_text, show
from romm_lite.disk.structure import Structure, detect, is_dir, place
from romm_lite.kernel.errors import LibraryUnavailable
from romm_lite.kernel.paths import check_name, safe_join

log = logging.getLogger(__name__)

_CATEGORIES = (
    "game",
    "dlc",
    "hack",
    "manual",
    "patch",
    "update",
    "mod",
    "demo",
    "translation",
    "prototype",
    "cheat",
    "soundtrack",
    "screenshot",
)


class Entry(NamedTuple):
    """A file or folder directly in a listed folder; ``size`` is in bytes."""

    name: str
    is_dir: bool
    size: int
    mtime_ns: int


class Listing(NamedTuple):
    """What a platform holds, sorted by name; what cannot be taken is told apart.

    ``shadowed_names`` are in a further folder of the platform what an earlier one has already.
    """

    entries: list[Entry]
    unreadable_names: list[str]
    shadowed_names: tuple[str, ...] = ()


class RomFile(NamedTuple):
    """One file of a ROM; ``file_path`` is its folder relative to the library, ``size`` in bytes."""

    file_name: str
    file_path: str
    size: int
    mtime_ns: int
    is_top_level: bool
    category: str | None

    @property
    def full_path(self) -> str:
        return f"{self.file_path}/{self.file_name}"


class RomFiles(NamedTuple):
    """The files of one ROM, sorted by path; names that are no text are told apart."""

    files: list[RomFile]
    unreadable_names: list[str]


class Layout:
    """One library as one configuration sees it; made anew whenever either may have changed."""

    def __init__(self, library: Path, config: LibraryConfig) -> None:
        self.library = library
        self._config = config
        self.structure = detect(library, config.roms_folder)
        self._more = MoreFolders(library, config)

    def roms_path(self, fs_slug: str) -> str:
        """Where the ROMs of a platform lie, relative to the library."""
        return self._place(fs_slug, self._config.roms_folder)

    def firmware_path(self, fs_slug: str) -> str:
        """Where the firmware of a platform lies, relative to the library."""
        return self._place(fs_slug, self._config.firmware_folder)

    def rom_folders(self, fs_slug: str) -> list[Path]:
        """All folders of a platform's ROMs; the one in the library is first, if it is there."""
        more = self._more.of(fs_slug)
        own = safe_join(self.library, self.roms_path(fs_slug), found=True)
        return more if more and not os.path.lexists(own) else [own, *more]

    @property
    def roots(self) -> list[Path]:
        """The library and the further folders that config.yml names."""
        return [self.library, *self._more.paths]

    def places(self, relative: str) -> list[Path]:
        """Everywhere on the disk that a path of this library may lie, the first that counts first.

        ``UnsafePath`` for one that leads out of it.
        """
        fs_slug, below = self._split(relative)
        if not below:
            return [safe_join(self.library, relative, found=True)]
        return [safe_join(folder, below, found=True) for folder in self.rom_folders(fs_slug)]

    def absolute(self, relative: str) -> Path:
        """A path of this library on the disk; ``UnsafePath`` for one that leads out of it."""
        if self._more and (found := self._find_elsewhere(relative)):
            return found
        return safe_join(self.library, relative, found=True)

    def _find_elsewhere(self, relative: str) -> Path | None:
        """A ROM's path in that of its platform's folders that has the ROM, else in the first."""
        fs_slug, below = self._split(relative)
        if not below:
            return None
        rom = below.partition("/")[0]
        folders = self.rom_folders(fs_slug)
        has_it = (f for f in folders if os.path.lexists(safe_join(f, rom, found=True)))
        return safe_join(next(has_it, folders[0]), below, found=True)

    def _split(self, relative: str) -> tuple[str, str]:
        """A path as platform and what is below its ROMs' folder; that is empty for other paths."""
        folder = self._config.roms_folder
        if self.structure is Structure.B:
            fs_slug, _, rest = relative.partition("/")
            return fs_slug, rest.removeprefix(f"{folder}/") if rest.startswith(f"{folder}/") else ""
        if not relative.startswith(f"{folder}/"):
            return "", ""
        fs_slug, _, below = relative.removeprefix(f"{folder}/").partition("/")
        return fs_slug, below

    def platform_folders(self) -> list[str]:
        """Names of all platform folders, sorted; never makes a folder.

        ``LibraryUnavailable`` if a library, or its folder of platforms, cannot be read, or if a
        further one has none, as if its drive were not mounted.
        """
        names = set(self._list_platforms(self.library, self.structure))
        for root in self._more.roots:
            found = set(self._list_platforms(root.path, root.structure))
            if not found:
                raise LibraryUnavailable(f"{root.path} has no platform folder")
            names |= found
        return sorted(names.union(self._more.platforms))

    def _list_platforms(self, root: Path, structure: Structure) -> Iterator[str]:
        """The platform folders of one library."""
        if structure is Structure.NONE:
            next(_scan(root), None)
            return
        is_excluded = compile_names(self._config.excluded_platforms)
        in_b = structure is Structure.B
        folder = root if in_b else safe_join(root, self._config.roms_folder, found=True)
        for entry in _scan(folder):
            if is_excluded(entry.name) or not self._is_platform(entry, in_b=in_b):
                continue
            if is_text(entry.name):
                yield entry.name
            else:
                log.warning("Platform folder %s is skipped: it is not UTF-8", show(entry.name))

    def list_roms(self, fs_slug: str, names: Iterable[str] | None = None) -> Listing:
        """The ROMs of a platform: every file and folder not excluded, or those with these names.

        ``LibraryUnavailable`` if one of its folders is absent or cannot be read, or if a mapped one
        is empty, as if its drive were not mounted.
        """
        config = self._config
        is_excluded_file = compile_names(config.excluded_single_files, config.excluded_single_ext)
        is_excluded_dir = compile_folders(config.excluded_multi_files)
        folders = self.rom_folders(fs_slug)
        if names is not None:
            chosen = [_choose(each, names) for each in folders]
            return _merge([_list(each, is_excluded_file, is_excluded_dir) for each in chosen])
        found = [_list(_scan(each), is_excluded_file, is_excluded_dir) for each in folders]
        for folder, listing in zip(folders, found, strict=True):
            is_used = any(listing) or is_dir(folder / TRASH)
            if self._more.is_mapped(fs_slug, folder) and not is_used:
                raise LibraryUnavailable(f"{folder} is empty")
        return _merge(found)

    def list_firmware(self, fs_slug: str) -> Listing:
        """The firmware files of a platform; none if it has no such folder."""
        config = self._config
        is_excluded = compile_names(config.excluded_single_files, config.excluded_single_ext)
        try:
            found = _scan(self.absolute(self.firmware_path(fs_slug)))
            return _list(found, is_excluded, lambda _: True)
        except LibraryUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError) and is_dir(self.library):
                return Listing([], [])
            raise

    def walk_files(self, fs_slug: str, rom: Entry) -> RomFiles:
        """All files of a ROM: the file itself, or every file not excluded at any depth in a folder.

        Links to folders inside a ROM's folder are not followed. ``LibraryUnavailable`` if a folder
        cannot be read.
        """
        parent = self.roms_path(fs_slug)
        if not rom.is_dir:
            category = categorize(parent)
            file = RomFile(rom.name, parent, rom.size, rom.mtime_ns, True, category)
            return RomFiles([file], [])
        found = RomFiles([], [])
        top = f"{parent}/{rom.name}"
        left = [top]
        while left:
            left += self._walk(left.pop(), found, top)
        found.files.sort(key=lambda file: file.full_path)
        found.unreadable_names.sort()
        return found

    def create_platform(self, fs_slug: str) -> bool:
        """Make the ROM folder of a platform, structure A if there is none yet; False if it exists.

        ``UnsafePath`` for a name that not every system can hold, ``LibraryUnavailable`` without a
        library, ``OSError`` as the disk has it.
        """
        check_name(fs_slug)
        if not self.library.is_dir():
            raise LibraryUnavailable(f"the library folder {self.library} does not exist")
        folder = self.rom_folders(fs_slug)[0]
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # perhaps since a moment ago
            if not os.path.lexists(folder):
                raise
            return False
        return True

    def _place(self, fs_slug: str, folder: str) -> str:
        return place(fs_slug, folder, self.structure)

    def _is_platform(self, entry: os.DirEntry[str], *, in_b: bool) -> bool:
        try:
            if not entry.is_dir():
                return False
            if in_b:
                Path(entry.path, self._config.roms_folder).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            log.warning("Platform folder %s is skipped: %s", show(entry.name), error.strerror)
            return False
        return True

    def _walk(self, file_path: str, found: RomFiles, top: str) -> list[str]:
        """Add the files directly in one folder to ``found``; the folders in it."""
        config = self._config
        is_excluded = compile_names(
            config.excluded_multi_parts_files, config.excluded_multi_parts_ext
        )
        category = categorize(file_path, top)
        is_top_level = file_path == top
        folders = []
        try:
            entries = list(_scan(self.absolute(file_path)))
        except LibraryUnavailable as error:
            if is_top_level or not isinstance(error.__cause__, FileNotFoundError):
                raise
            return []
        for entry in entries:
            status = _stat(entry)
            if status is None:
                continue
            if not is_text(entry.name):
                found.unreadable_names.append(f"{file_path}/{entry.name}")
            elif stat.S_ISDIR(status.st_mode):
                if not entry.is_symlink():
                    folders.append(f"{file_path}/{entry.name}")
            elif stat.S_ISREG(status.st_mode) and not is_excluded(entry.name):
                found.files.append(
                    RomFile(
                        entry.name,
                        file_path,
                        status.st_size,
                        status.st_mtime_ns,
                        is_top_level,
                        category,
                    )
                )
        return folders


def categorize(file_path: str, top: str = "") -> str | None:
    """The category of files in a folder: the first that is a word, or its plural, of the path.

    Folders in that of the ROM, ``top``, count before those above: a library that lies in ``games``
    has manuals too.
    """
    for path in (file_path.removeprefix(top), file_path):
        words = set(path.lower().split("/"))
        for each in _CATEGORIES:
            if each in words or f"{each}s" in words:
                return each
    return None


def _list(
    entries: Iterable[os.DirEntry[str] | Path], is_excluded_file: Rule, is_excluded_dir: Rule
) -> Listing:
    listing = Listing([], [])
    for entry in entries:
        name = entry.name
        status = _stat(entry)
        if status is None:
            continue
        is_dir = stat.S_ISDIR(status.st_mode)
        if not is_dir and not stat.S_ISREG(status.st_mode):
            continue
        if (is_excluded_dir if is_dir else is_excluded_file)(name):
            continue
        if is_text(name):
            listing.entries.append(Entry(name, is_dir, status.st_size, status.st_mtime_ns))
        else:
            listing.unreadable_names.append(name)
    listing.entries.sort()
    listing.unreadable_names.sort()
    return listing


def _merge(listings: list[Listing]) -> Listing:
    """The listings of a platform's folders as one."""
    if len(listings) == 1:
        return listings[0]
    entries: dict[str, Entry] = {}
    shadowed = []
    for entry in (entry for listing in listings for entry in listing.entries):
        if entries.setdefault(entry.name, entry) is not entry:
            shadowed.append(entry.name)
    unreadable = [name for listing in listings for name in listing.unreadable_names]
    return Listing(sorted(entries.values()), sorted(unreadable), tuple(sorted(shadowed)))


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder as the system gives them, without what is this program's own;
    ``LibraryUnavailable`` if it gives none."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith(OWN))
    except OSError as error:
        raise LibraryUnavailable(f"{show(str(folder))} cannot be read: {error.strerror}") from error


def _choose(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """What may be there under these names."""
    return (safe_join(folder, each, found=True) for each in names if not each.startswith(OWN))


def _stat(entry: os.DirEntry[str] | Path) -> os.stat_result | None:
    """Size and times, links followed; None for what vanished or is a link that leads nowhere.

    Any other trouble is the folder's or the disk's and must not look like a deleted file.
    """
    try:
        return entry.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if entry.is_symlink():
            log.warning("Link %s is skipped: %s", show(os.fspath(entry)), error.strerror)
            return None
        where = show(os.fspath(entry))
        raise LibraryUnavailable(f"{where} cannot be read: {error.strerror}") from error
