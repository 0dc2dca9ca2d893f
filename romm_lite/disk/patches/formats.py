"""Which formats there are, and applying a patch to a file in this process."""

import errno
import mmap
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from romm_lite.disk.archives import SNIFFED, recognize
from romm_lite.disk.patches.aps import apply_aps_gba, apply_aps_n64
from romm_lite.disk.patches.base import Apply, BadPatch, Job, UnknownPatch
from romm_lite.disk.patches.bps import apply_bps
from romm_lite.disk.patches.bsdiff import apply_bsdiff
from romm_lite.disk.patches.ips import apply_ips, apply_ips32
from romm_lite.disk.patches.pmsr import apply_pmsr
from romm_lite.disk.patches.ppf import apply_ppf1, apply_ppf2, apply_ppf3
from romm_lite.disk.patches.rup import apply_rup
from romm_lite.disk.patches.ups import apply_ups
from romm_lite.disk.patches.vcdiff import apply_vcdiff


@dataclass(frozen=True)
class Format:
    """A kind of patch and the bytes it begins with."""

    name: str
    magic: bytes
    apply: Apply


FORMATS = (
    Format("IPS", b"PATCH", apply_ips),
    Format("IPS32", b"IPS32", apply_ips32),
    Format("UPS", b"UPS1", apply_ups),
    Format("BPS", b"BPS1", apply_bps),
    Format("PPF 1", b"PPF10", apply_ppf1),
    Format("PPF 2", b"PPF20", apply_ppf2),
    Format("PPF 3", b"PPF30", apply_ppf3),
    Format("VCDIFF (xdelta)", b"\xd6\xc3\xc4\x00", apply_vcdiff),
    Format("bsdiff", b"BSDIFF40", apply_bsdiff),
    Format("APS (N64)", b"APS10", apply_aps_n64),
    Format("APS (GBA)", b"APS1", apply_aps_gba),
    Format("RUP", b"NINJA2", apply_rup),
    Format("PMSR", b"PMSR", apply_pmsr),
)
"""The first whose bytes fit counts."""

_OTHERS = (
    (b"%XDZ", "an xdelta 1 patch"),
    (b"%XDELTA", "an xdelta 1 patch"),
    (b"\xd6\xc3\xc4", "a VCDIFF patch of an unknown version"),
    (b"PPF", "a PPF patch of an unknown version"),
    (b"NINJA", "a patch of NINJA 1"),
    (b"ENDSLEY/BSDIFF43", "a bsdiff patch of version 4.3"),
    (b"BSDIFN40", "a bsdiff patch of Chromium"),
    (b"\xd1\xff\xd1\xff", "a GDIFF patch"),
    (b"Yay0", "a packed Star Rod mod"),
)


def recognize_patch(path: Path) -> Format:
    """What kind of patch a file is, by its content; ``UnknownPatch`` if it can't be applied."""
    with path.open("rb") as file:
        head = file.read(SNIFFED)
    for known in FORMATS:
        if head.startswith(known.magic):
            return known
    for magic, name in _OTHERS:
        if head.startswith(magic):
            raise UnknownPatch(name)
    if archive := recognize(path.name, head):
        raise UnknownPatch(f"a {archive} archive, out of which the patch has to be taken first")
    raise UnknownPatch("no patch of any known kind" if head else "an empty file")


def apply_patch(source: Path, patch: Path, target: Path, largest: int) -> bool:
    """Write what the patch makes of a file; whether its checks proved that file to be right.

    ``largest`` is how many bytes the result may have. ``BadPatch`` with ``WrongSource`` and
    ``UnknownPatch`` tell what is wrong; ``target`` may then be there, half written.
    """
    known = recognize_patch(patch)
    create = partial(_create, target, largest)
    return known.apply(Job(_map(source), _map(patch), create, source, patch, target))


def _map(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _create(path: Path, largest: int, size: int) -> memoryview:
    if size > largest:
        raise BadPatch(f"it makes a file of {size} bytes, and {largest} are allowed")
    with path.open("w+b") as file:
        if not size:
            return memoryview(bytearray())
        file.truncate(size)
        _reserve(file.fileno(), size)
        return memoryview(mmap.mmap(file.fileno(), size))


def _reserve(descriptor: int, size: int) -> None:
    """Take the space on the disk now: where it runs out later the process would be killed."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
