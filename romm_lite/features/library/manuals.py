"""The manual of a ROM: one file among the resources, uploaded or fetched from where it was found.

It lies below ``Places.resources`` in ``roms/<platform>/<rom>/manual``. Manuals that lie in the
ROM's own folder are files of the library like any other; ``attachments`` has them.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import RowMapping
from sqlmodel import Session

from romm_lite.disk.staging import put, stage
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.attachments import MANUAL, check_file, find_rom
from romm_lite.features.library.placing import check_upload_name
from romm_lite.features.library.service import change_roms, note_change
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.paths import safe_join
from romm_lite.metadata.fetch import NotFetched

LARGEST = 512 * 2**20
"""Bytes of a manual that is fetched; what is uploaded has the limit of all uploads."""
KINDS = ("application/pdf", "application/force-download", "application/octet-stream")


def upload_manual(
    library: Library, user: Identity, rom_id: int, name: str, content: IO[bytes]
) -> None:
    """Make an upload the manual of a ROM, in place of any other."""
    with library.database.read() as session:
        find_rom(session, user, rom_id)
    name = check_upload_name(name.rpartition("/")[2])
    check_file(MANUAL, name, content)
    _keep(library, user, rom_id, PurePosixPath(name).suffix.lower(), content)


def fetch_manual(library: Library, user: Identity, rom_id: int) -> None:
    """Fetch the manual of a ROM again from where it was found; Invalid says why there is none."""
    with library.database.read() as session:
        url = find_rom(session, user, rom_id)["url_manual"]
    if not url:
        raise Invalid("No scraped manual URL available for this ROM")
    with download_manual(library, url) as content:
        _keep(library, user, rom_id, ".pdf", content)


@contextmanager
def download_manual(library: Library, url: str) -> Iterator[IO[bytes]]:
    """The manual at an address, which is a PDF; Invalid says why there is none."""
    with tempfile.TemporaryFile() as content:
        try:
            library.fetcher.download(url, content, most=LARGEST, kinds=KINDS)
        except NotFetched as error:
            raise Invalid(f"The manual was not fetched. {error}") from error
        check_file(MANUAL, "manual.pdf", content)
        yield content


def remove_manual(session: Session, library: Library, user: Identity, rom_id: int) -> None:
    """Remove the manual of a ROM; NotFound if it has none."""
    rom = find_rom(session, user, rom_id, to_change=True)
    if not rom["path_manual"]:
        raise NotFound("No manual found for this ROM")
    _store(session, rom, path_manual=None, url_manual=None)
    shutil.rmtree(_folder_of(library, rom), ignore_errors=True)


def _keep(
    library: Library, user: Identity, rom_id: int, extension: str, content: IO[bytes]
) -> None:
    with library.database.read() as session:
        rom = find_rom(session, user, rom_id)
    with stage_manual(library, rom, extension, content) as staged, library.database.write() as db:
        rom = find_rom(db, user, rom_id, to_change=True)
        _store(db, rom, path_manual=put_manual(library, rom, staged))


@contextmanager
def stage_manual(
    library: Library, rom: RowMapping, extension: str, content: IO[bytes]
) -> Iterator[Path]:
    """A copy of a manual beside where that of a ROM lies, for ``put_manual``."""
    folder = _folder_of(library, rom)
    folder.mkdir(parents=True, exist_ok=True)
    with stage(folder, extension, content) as staged:
        yield staged


def put_manual(library: Library, rom: RowMapping, staged: Path) -> str:
    """Put a manual in place of the one before; its path below the resources."""
    manual = _folder_of(library, rom) / f"{rom['id']}{staged.suffix}"
    put(staged, manual)
    for other in set(MANUAL.extensions) - {staged.suffix}:
        manual.with_suffix(other).unlink(missing_ok=True)
    return manual.relative_to(library.settings.places.resources).as_posix()


def _store(session: Session, rom: RowMapping, **columns: Any) -> None:
    change_roms(session, [{"id": rom["id"], **columns}])
    note_change(session)


def _folder_of(library: Library, rom: RowMapping) -> Path:
    path = f"roms/{rom['platform_id']}/{rom['id']}/manual"
    return safe_join(library.settings.places.resources, path)
