"""Archives of any shape, unpacked by programs of others, whole and put together from ranges."""

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.testclient import TestClient

from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable
from romm_lite.web.zips import ZipEntry, ZipPlan, ZipSource, zip_response
from tests.conftest import absent

PIECE = 2**22
LARGE = 2**32 + 5
NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters='\\/:*?"<>|;'), min_size=1
).filter(lambda name: name.strip(". ") == name and len(name.encode()) < 120)
"""Names that every system takes; to unzip, what follows a ``;`` is the version of VMS's files."""
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.dictionaries(PATHS, st.binary(max_size=300), max_size=12)
Unpack = Callable[[Path, Path], None]


def is_possible(paths: Mapping[str, object]) -> bool:
    """Whether all can lie on a disk at once: no file where another has a folder."""
    folders = {path.rpartition("/")[0] for path in paths}
    above = {"/".join(each.split("/")[:n]) for each in folders for n in range(1, 9)}
    return not above & set(paths)


def write_files(folder: Path, contents: Mapping[str, bytes], knows_crc: bool) -> ZipPlan:
    """Every file at a name of its own that says nothing, and the plan of their archive."""
    entries = []
    for number, (name, content) in enumerate(contents.items()):
        path = folder / str(number)
        path.write_bytes(content)
        entries.append(ZipEntry.of_file(name, path, crc32(content) if knows_crc else None))
    return ZipPlan(entries)


def save(plan: ZipPlan, path: Path) -> Path:
    source = ZipSource(plan)
    with path.open("wb") as file:
        while file.tell() < plan.size:
            file.write(source.read_at(file.tell(), PIECE))
    source.close()
    return path


def by_python(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(target)


def run(program: str, *words: str | Path) -> str:
    """What a program says that must succeed; ``absent`` if it is not installed."""
    if shutil.which(program) is None:
        absent(f"{program} is not installed: apt install unzip p7zip-full")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    command = [program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def by_unzip(archive: Path, target: Path) -> None:
    run("unzip", "-q", archive, "-d", target)


def by_7z(archive: Path, target: Path) -> None:
    run("7z", "x", "-y", f"-o{target}", archive)


PROGRAMS = pytest.mark.parametrize("unpack", [by_python, by_unzip, by_7z])


def read_files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@PROGRAMS
@given(contents=CONTENTS.filter(is_possible).filter(bool), knows_crc=st.booleans())
@settings(max_examples=12, deadline=None)
def test_what_went_in_comes_out(
    unpack: Unpack, contents: dict[str, bytes], knows_crc: bool
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        plan = write_files(folder, contents, knows_crc)
        unpack(save(plan, folder / "archive.zip"), folder / "out")
        assert read_files(folder / "out") == contents


@PROGRAMS
def test_odd_names_and_empty_files(unpack: Unpack, tmp_path: Path) -> None:
    contents = {
        "赤い月 🎮/ディスク 1.bin": b"disc",
        "Pokémon - Édition (ß).gb": b"",
        "e\u0301 is not é.txt": b"decomposed",
        "100% #1 & 'more'.sfc": b"odd",
        "-dash first.nes": b"",
    }
    archive = save(write_files(tmp_path, contents, False), tmp_path / "archive.zip")
    unpack(archive, tmp_path / "out")
    assert read_files(tmp_path / "out") == contents


@pytest.mark.slow
@pytest.mark.parametrize(("program", "word"), [("unzip", "-tq"), ("7z", "t")])
def test_more_entries_than_the_old_format_counts(tmp_path: Path, program: str, word: str) -> None:
    plan = ZipPlan([ZipEntry.of_bytes(f"{number}.bin", b"x") for number in range(66_000)])
    said = run(program, word, save(plan, tmp_path / "many.zip"))
    assert "Files: 66000" in said or "No errors detected" in said


def write_sparse(plan: ZipPlan, path: Path) -> Path:
    """The archive on the disk without the zeros of its large files."""
    source, ends = ZipSource(plan), [*plan.offsets[1:], plan.directory_at]
    with path.open("wb") as file:
        for entry, start, end in zip(plan.entries, plan.offsets, ends, strict=True):
            tail = min(end - start, 1000)
            for at, size in ((start, min(end - start, 1000)), (end - tail, tail)):
                file.seek(at)
                file.write(source.read_at(at, size))
            assert entry.size in (LARGE, 5)
        file.seek(plan.directory_at)
        file.write(source.read_at(plan.directory_at, plan.size - plan.directory_at))
    source.close()
    return path


@pytest.fixture
def large(tmp_path: Path) -> ZipPlan:
    """Files and offsets that need ZIP64."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGE)
    small = tmp_path / "small"
    small.write_bytes(b"small")
    return ZipPlan(
        [
            ZipEntry.of_file("große Datei.iso", path, 0x12345678),
            ZipEntry.of_file("small", small, crc32(b"small")),
            ZipEntry.of_file("another.iso", path, 0x12345678),
            ZipEntry.of_file("last", small),
        ]
    )


@PROGRAMS
def test_small_files_beside_large_ones(unpack: Unpack, large: ZipPlan, tmp_path: Path) -> None:
    """A program that misreads one size or offset past 4 GiB does not find what follows."""
    archive = write_sparse(large, tmp_path / "large.zip")
    out = tmp_path / "out"
    out.mkdir()
    if unpack is by_python:
        with zipfile.ZipFile(archive) as opened:
            assert [each.file_size for each in opened.infolist()] == [LARGE, 5, LARGE, 5]
            opened.extractall(out, ["small", "last"])
    elif unpack is by_unzip:
        assert str(LARGE) in run("unzip", "-l", archive)
        run("unzip", "-q", archive, "small", "last", "-d", out)
    else:
        assert str(LARGE) in run("7z", "l", archive)
        run("7z", "x", "-y", f"-o{out}", archive, "small", "last")
    assert read_files(out) == {"small": b"small", "last": b"small"}


@given(contents=CONTENTS, knows_crc=st.booleans(), data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_range_is_that_part_of_the_whole(
    contents: dict[str, bytes], knows_crc: bool, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        plan = write_files(Path(folder), contents, knows_crc)
        router = Router("/api")

        def get_zip() -> Response:
            return zip_response(plan, "a.zip")

        router.get("/zip", public=True)(get_zip)
        client = TestClient(OperationTable(router.operations, {}))
        whole = client.get("/api/zip").content
        assert len(whole) == plan.size
        with zipfile.ZipFile(io.BytesIO(whole)) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == contents
        for _ in range(5):
            first = data.draw(st.integers(0, plan.size - 1))
            last = data.draw(st.integers(first, plan.size + 10))
            answer = client.get("/api/zip", headers={"range": f"bytes={first}-{last}"})
            assert (answer.status_code, answer.content) == (206, whole[first : last + 1])
            shown = f"bytes {first}-{min(last, plan.size - 1)}/{plan.size}"
            assert answer.headers["content-range"] == shown
