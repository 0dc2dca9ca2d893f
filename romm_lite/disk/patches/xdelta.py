"""VCDIFF patches packed by Huffman codes: what only xdelta itself can unpack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from romm_lite.disk.patches.base import BadPatch, Job, UnknownPatch


def apply_by_xdelta(job: Job, size: int) -> None:
    """Have xdelta make the result, which is to have this size; it checks the checksums itself.

    To be called in a process of its own: xdelta is a program of C and this is somebody's file.
    """
    try:
        import pyxdelta
    except ImportError as error:
        raise UnknownPatch("an xdelta patch that only the package pyxdelta can unpack") from error
    job.create(size)  # for its limit: it is written anew
    with _opened(job.source_path) as source, _opened(job.patch_path) as patch, _silence():
        is_done = pyxdelta.decode(infile=source, patchfile=patch, outfile=str(job.target_path))
    if not is_done or job.target_path.stat().st_size != size:
        raise BadPatch("it is for another dump, or damaged: xdelta refuses it")


@contextmanager
def _opened(path: Path) -> Iterator[str]:
    """A name of the file that xdelta can open whatever its real one is made of."""
    if os.name == "nt":
        yield str(path)
        return
    with path.open("rb") as file:
        yield f"/dev/fd/{file.fileno()}"


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what xdelta says to the console from it."""
    console = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(console, 2)
        os.close(console)
        os.close(nowhere)
