"""Hashes that the reference hasher gave, and asking for ours."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from romm_lite.disk.exotic.achievements import find_system
from romm_lite.disk.hashing import hash_flat

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
"""Made by chdman from the discs in ``making``, and found good by it."""
VECTORS: list[dict[str, str]] = json.loads((HERE / "vectors.json").read_text())
EXPECTED = {row["file"]: row["ra_hash"] for row in VECTORS}

Write = Callable[[str, bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Write:
    """Writes a file in a folder of the test."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def hash_of(path: Path, slug: str) -> str | None:
    """The hash of RetroAchievements of a file on a platform."""
    return hash_flat(path, system=find_system(slug)).ra
