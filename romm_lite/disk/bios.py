"""Firmware files that are known to be good dumps."""

from romm_lite.disk.hashing import Digests
from romm_lite.kernel.resources import facts


def is_verified(slug: str, file_name: str, size: int, digests: Digests) -> bool:
    """Whether this is a known dump: same platform, name (case matters), size and one same hash."""
    ours = (digests.crc, digests.md5, digests.sha1)
    return any(
        size == known_size and any(a and a == b for a, b in zip(ours, known, strict=True))
        for known_size, *known in facts("known_bios").get(slug, {}).get(file_name, ())
    )
