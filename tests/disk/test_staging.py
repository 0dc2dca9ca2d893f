from io import BytesIO
from pathlib import Path

import pytest

from romm_lite.disk.exclusions import TEMPORARY
from romm_lite.disk.staging import put, stage


def test_a_staged_file_is_put_in_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "a.pdf"
    target.write_bytes(b"old")
    with stage(tmp_path, ".pdf", BytesIO(b"new")) as staged:
        assert target.read_bytes() == b"old"
        assert (staged.suffix, staged.read_bytes()) == (".pdf", b"new")
        assert staged.name.startswith(TEMPORARY)
        put(staged, target)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.pdf": b"new"}


def test_a_file_that_is_not_put_in_place_is_gone(tmp_path: Path) -> None:
    with stage(tmp_path, "", BytesIO(b"new")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    content = BytesIO(b"new")
    content.close()
    with pytest.raises(ValueError, match="closed"), stage(tmp_path, "", content):
        pass
    assert list(tmp_path.iterdir()) == []
