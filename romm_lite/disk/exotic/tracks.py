"""The first data track of a disc, in whatever file it lies: an image, a cue sheet, a container."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from romm_lite.disk.exotic.chd import Chd, read_tracks
from romm_lite.disk.exotic.cso import open_cso
from romm_lite.disk.exotic.sources import FileSource, Source, Unreadable, check_stop, split

SECTOR = 2048
"""Bytes of a sector that belong to files."""
RAW_SECTOR = 2352
"""Bytes of a sector as it is on a CD."""
_SYNC = b"\x00" + b"\xff" * 10 + b"\x00"
_AT_ONCE = 256
_LARGEST_SHEET = 1 << 20
_FILE = re.compile(r'FILE\s+(?:"([^"]*)"|(\S+))', re.IGNORECASE)
_TRACK = re.compile(r"TRACK\s+\d+\s+(\S+)", re.IGNORECASE)
_INDEX = re.compile(r"INDEX\s+0*1\s+(\d+):(\d+):(\d+)", re.IGNORECASE)


class Shape(NamedTuple):
    """How sectors lie in a source: bytes from one to the next, and before the data of each."""

    step: int
    before: int


PLAIN = Shape(SECTOR, 0)
_OF_SHEETS = {
    "MODE1/2048": PLAIN,
    "MODE1/2352": Shape(RAW_SECTOR, 16),
    "MODE2/2048": PLAIN,
    "MODE2/2336": Shape(2336, 8),
    "MODE2/2352": Shape(RAW_SECTOR, 24),
}
"""By the words of cue sheets."""
_OF_CHDS = {
    "MODE1": 0,
    "MODE1/2048": 0,
    "MODE1_RAW": 16,
    "MODE1/2352": 16,
    "MODE2_FORM1": 0,
    "MODE2": 8,
    "MODE2/2336": 8,
    "MODE2_FORM_MIX": 8,
    "MODE2_RAW": 24,
    "MODE2/2352": 24,
}
"""Bytes before the data of a sector, by the words of CHDs."""


class Track:
    """The data of a track, sector by sector."""

    def __init__(self, source: Source, shape: Shape, start: int, stop: Callable[[], bool]) -> None:
        """``start`` is the place of the first sector in the source, in bytes."""
        self._source = source
        self._shape = shape
        self._start = start
        self._stop = stop

    def read(self, sector: int, size: int) -> bytes:
        """The first bytes of what begins at a sector, at most a few hundred sectors."""
        return b"".join(self.stream(sector, size))

    def stream(self, sector: int, size: int) -> Iterator[bytes]:
        """All bytes of what begins at a sector, in blocks."""
        step, before = self._shape
        for piece in split(size, _AT_ONCE * SECTOR):
            check_stop(self._stop)
            at = self._start + sector * step + before
            count = -(-piece // SECTOR)
            if step == SECTOR:
                yield self._source.read(at, piece)
            else:
                last = piece - (count - 1) * SECTOR
                raw = self._source.read(at, (count - 1) * step + last)
                data = b"".join(raw[n * step : n * step + SECTOR] for n in range(count))
                yield data[:piece]
            sector += count


@contextmanager
def open_track(path: Path, stop: Callable[[], bool]) -> Iterator[Track]:
    """The first data track of a disc; ``Unreadable`` if none is found."""
    if path.suffix.lower() == ".cue":
        image, shape, start = _read_sheet(path)
        with FileSource(image) as file:
            yield Track(file, shape, start, stop)
        return
    with FileSource(path) as file:
        yield _open_image(file, stop)


def _open_image(file: FileSource, stop: Callable[[], bool]) -> Track:
    head = file.read(0, min(file.size, 16))
    if head.startswith(b"MComprHD"):
        return _open_chd(Chd(file, stop), stop)
    if head[:4] in (b"CISO", b"ZISO", b"DAX\0"):
        return Track(open_cso(file), PLAIN, 0, stop)
    if head.startswith(_SYNC):
        return Track(file, Shape(RAW_SECTOR, 24 if head[15] == 2 else 16), 0, stop)
    return Track(file, PLAIN, 0, stop)


def _open_chd(chd: Chd, stop: Callable[[], bool]) -> Track:
    start = 0
    tracks = read_tracks(chd)
    for track in tracks:
        if track.kind in _OF_CHDS:
            skipped = start + track.pregap * chd.unit_size
            return Track(chd, Shape(chd.unit_size, _OF_CHDS[track.kind]), skipped, stop)
        start += track.padded_frames * chd.unit_size
    if tracks or chd.unit_size != SECTOR:
        raise Unreadable("it has no data track")
    return Track(chd, PLAIN, 0, stop)


def _read_sheet(path: Path) -> tuple[Path, Shape, int]:
    """Of the first data track in a cue sheet: its file, the shape, and where it begins."""
    with FileSource(path) as file:
        text = file.read(0, min(file.size, _LARGEST_SHEET)).decode("utf-8", "replace")
    image: Path | None = None
    kind = ""
    skipped = frames_before = 0
    step = 0
    for line in text.splitlines():
        line = line.strip()
        if found := _FILE.match(line):
            image = find_beside(path, found[1] or found[2])
            skipped = frames_before = step = 0
        elif found := _TRACK.match(line):
            kind = found[1].upper()
        elif found := _INDEX.match(line):
            minutes, seconds, frames = map(int, found.groups())
            place = (minutes * 60 + seconds) * 75 + frames
            # Sectors before this one have the size of the track they belong to.
            skipped += (place - frames_before) * (step or _step(kind))
            frames_before, step = place, _step(kind)
            if image and kind in _OF_SHEETS:
                return image, _OF_SHEETS[kind], skipped
    raise Unreadable("it names no data track")


def _step(kind: str) -> int:
    return _OF_SHEETS[kind].step if kind in _OF_SHEETS else RAW_SECTOR


def find_beside(path: Path, name: str) -> Path:
    """A file that a sheet or a list names, in the same folder; a path in there is left out."""
    base = re.split(r"[/\\]", name.strip())[-1]
    if base in ("", ".", "..") or "\0" in base:
        raise Unreadable("it names no file")
    return path.with_name(base)
