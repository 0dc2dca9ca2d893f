"""What all containers share: members, limits, and the one error there is for a bad one."""

import errno
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

from romm_lite.kernel.errors import RommError

BLOCK = 1 << 20
MAX_MEMBERS = 100_000
HARMLESS_SIZE = 1 << 30
MAX_RATIO = 2000
"""No honest container holds more than this many times its size; deflate cannot even reach it."""

_HELD_IN_MEMORY = 8 << 20


class BadArchive(RommError):
    """The container is damaged, encrypted, absurd, or of a kind that cannot be read."""


class CannotExtract(BadArchive):
    """The list of members can be read, but this machine has no program to unpack them."""


class Stopped(RommError):
    """Somebody asked to stop in the middle of a file."""


@dataclass(frozen=True)
class Member:
    """One entry of a container; ``size`` and ``crc`` (CRC-32) as far as its directory tells."""

    index: int
    name: str
    size: int | None
    crc: int | None
    is_file: bool


Sink = Callable[[Member, bytes], None]


def never() -> bool:
    """The stop token of work that nobody stops."""
    return False


class Watch:
    """Looks between blocks whether to go on."""

    def __init__(self, stop: Callable[[], bool], seconds: float | None = None) -> None:
        self._stop = stop
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def check(self) -> None:
        """Raise ``Stopped`` if asked to stop, ``BadArchive`` if the time is up."""
        if self._stop():
            raise Stopped("stopped while reading a file")
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise BadArchive(f"unpacking takes longer than {self._seconds:g} seconds")


class Archive:
    """An open container."""

    def __init__(self, path: Path, watch: Watch) -> None:
        self.path = path
        self.members: tuple[Member, ...] = ()
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""

    def files(self) -> list[Member]:
        """The members that are regular files."""
        return [member for member in self.members if member.is_file]

    def feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        """Call ``sink`` with every block of the wanted members, one whole member after another.

        ``BadArchive`` if one cannot be read to its end, ``OSError`` if the disk fails; blocks
        handed out by then are void.
        """
        with told_plainly():
            self._feed(wanted, sink)

    def _feed(self, wanted: Sequence[Member], sink: Sink) -> None:
        raise NotImplementedError

    def _pour(self, source: "Readable", member: Member, sink: Sink, block: int = BLOCK) -> None:
        produced = 0
        while data := source.read(block):
            self._watch.check()
            produced += len(data)
            if member.size is not None and produced > member.size:
                raise BadArchive(f"{member.name} is larger than the archive says")
            sink(member, data)
        if member.size is not None and produced < member.size:
            raise BadArchive(f"{member.name} is cut short")


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes: ...


def size_limit(path: Path) -> int:
    """How many bytes may come out of a container before it counts as a bomb."""
    return max(HARMLESS_SIZE, MAX_RATIO * path.stat().st_size)


class Metered:
    """Unpacked bytes, counted, so that a bomb is stopped."""

    def __init__(self, source: Readable, path: Path, watch: Watch) -> None:
        self._source = source
        self._left = size_limit(path)
        self._watch = watch

    def read(self, size: int, /) -> bytes:
        self._watch.check()
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise BadArchive("it unpacks to an absurd size")
        return data


class InOrder:
    """Puts members that come in the container's order into the order asked for.

    What comes too early waits in a temporary file.
    """

    def __init__(self, wanted: Sequence[Member], sink: Sink) -> None:
        self._left = deque(wanted)
        self._sink = sink
        self._held: dict[int, IO[bytes]] = {}

    def write(self, member: Member, data: bytes) -> None:
        if member is self._left[0]:
            self._sink(member, data)
            return
        self._hold(member).write(data)

    def finish(self, member: Member) -> None:
        """All of a member has come; hand out whatever waited for it."""
        if member is not self._left[0]:
            self._hold(member)
            return
        self._left.popleft()
        while self._left and (held := self._held.pop(self._left[0].index, None)):
            with held:
                held.seek(0)
                while data := held.read(BLOCK):
                    self._sink(self._left[0], data)
            self._left.popleft()

    def _hold(self, member: Member) -> IO[bytes]:
        if member.index not in self._held:
            self._held[member.index] = tempfile.SpooledTemporaryFile(_HELD_IN_MEMORY)  # noqa: SIM115
        return self._held[member.index]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for held in self._held.values():
            held.close()
        if kind is None and self._left:
            raise BadArchive(f"{self._left[0].name} is missing in it")


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn whatever a library stumbles over in a damaged file into ``BadArchive``.

    Trouble of the disk (no space, no access, no answer) stays an ``OSError``.
    """
    try:
        yield
    except RommError:
        raise
    except Exception as error:
        # The parsers let out anything from IndexError to MemoryError when they are fed garbage,
        # seek to places that cannot be (EINVAL), and raise OSError without a number of their own.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        text = str(error) or type(error).__name__
        raise BadArchive(f"it is damaged, cut short or of an unknown kind ({text})") from error


def clean_name(name: str) -> str:
    """A member's name with what is no text replaced, so that it can be stored."""
    return name.encode("utf-8", "replace").decode()
