"""What goes wrong at a start or in a scan, and what the program says: one line, no traceback."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Home, NewHome, Server
from tests.e2e.library import make_bytes, write

Done = subprocess.CompletedProcess[str]


def explain(done: Done, code: int) -> str:
    """The only line of a command that refused, with this exit code."""
    assert (done.returncode, done.stdout) == (code, ""), done
    lines = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("romm-lite: ")
    return lines[0]


def failed_scan(home: Home) -> dict[str, Any]:
    done = home.run("scan", "--json")
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["status"] == "failed"
    return outcome


def test_a_port_in_use(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = home.run("serve", "--host", "127.0.0.1", "--port", port)
    assert f"Cannot listen on 127.0.0.1:{port}" in explain(done, 2)


def test_a_wrong_setting(home: Home) -> None:
    loud = Home(home.data, {**home.environment, "LOGLEVEL": "loud"})
    assert "LOGLEVEL" in explain(loud.run("scan"), 2)


def test_an_unreachable_database(home: Home) -> None:
    url = "postgresql://romm:hidden-word@127.0.0.1:1/romm"
    away = Home(home.data, {**home.environment, "ROMM_DB_URL": url})
    line = explain(away.run("scan"), 2)
    assert "127.0.0.1" in line
    assert "hidden-word" not in line


@pytest.fixture(scope="module")
def spoilt(new_home: NewHome) -> Home:
    """One game, and whatever the tests put in its way for a while."""
    home = new_home()
    write(home.library / "roms" / "nes" / "Moss.nes", b"moss")
    return home


@pytest.fixture(scope="module")
def known(spoilt: Home) -> Iterator[Server]:
    """Its server, running; the game is scanned."""
    with spoilt.serve() as server:
        server.wait_for_scan(server.start_scan(), lambda scan: scan["status"] == "done")
        yield server
    assert "Traceback" not in server.log.read_text()


@contextmanager
def moved_away(library: Path) -> Iterator[None]:
    aside = library.with_name("aside")
    library.rename(aside)
    try:
        yield
    finally:
        shutil.rmtree(library) if library.is_dir() else library.unlink()
        aside.rename(library)


def test_a_second_server_on_the_same_folder(spoilt: Home, known: Server) -> None:
    line = explain(spoilt.run("serve", "--host", "127.0.0.1", "--port", "1"), 2)
    assert "A server already runs on" in line
    assert str(known.process.pid) in line


def test_an_unknown_platform(spoilt: Home, known: Server) -> None:
    done = spoilt.run("scan", "--platform", "atlantis")
    assert done.returncode == 1
    assert "No platform folder in the library is called atlantis" in done.stderr
    answer = known.client.post("/api/scans", json={"platforms": ["atlantis"]})
    assert answer.status_code == 400
    assert "atlantis" in answer.json()["detail"]


@pytest.mark.parametrize("what", ["a file", "a link to nowhere", "no platform folder"])
def test_a_library_that_is_not_there_loses_nothing(spoilt: Home, known: Server, what: str) -> None:
    with moved_away(spoilt.library):
        if what == "a file":
            spoilt.library.write_text("not a folder")
        elif what == "a link to nowhere":
            spoilt.library.symlink_to("/nowhere/at/all")
        elif what == "no platform folder":
            (spoilt.library / "roms").mkdir(parents=True)
        outcome = failed_scan(spoilt)
        assert "Nothing was marked missing" in outcome["message"]
        assert known.get("/api/heartbeat")["FILESYSTEM"]["FS_PLATFORMS"] == []
        (rom,) = known.roms().values()
        assert rom["missing_from_fs"] is False
        answer = known.client.get(f"/api/roms/{rom['id']}/content/Moss.nes")
        assert answer.status_code == 404
    assert known.client.get(f"/api/roms/{rom['id']}/content/Moss.nes").content == b"moss"


def anonymous_config(server: Server) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{server.url}/api/config").raise_for_status().json()
    return answer


@pytest.mark.parametrize(
    "text",
    [
        "exclude: [unclosed",
        "\tsystem: x",
        "filesystem:\n  roms_folder: 17\n  skip_hash_calculation: maybe\n",
        "exclude:\n  platforms: nes\n  roms: 5\n",
        "- a\n- list\n",
        "just text",
        "scan:\n  priority:\n    metadata: {igdb: 1}\n  media: 7\n",
        "a: &a [*a]\n",
        "x: 1\nx: 2\n",
        "\x00\x01",
    ],
)
def test_a_broken_configuration_stops_nothing(spoilt: Home, known: Server, text: str) -> None:
    (spoilt.data / "config" / "config.yml").write_text(text)
    assert known.get("/api/heartbeat")["FILESYSTEM"]["FS_PLATFORMS"] == ["nes"]
    assert known.get("/api/config")["EXCLUDED_PLATFORMS"]
    assert anonymous_config(known)["CONFIG_FILE_PARSE_ERROR"] is None
    assert len(known.roms()) == 1


def test_what_is_wrong_in_the_configuration_is_told_to_who_is_logged_in(
    spoilt: Home, known: Server
) -> None:
    file = spoilt.data / "config" / "config.yml"
    for text, named in (
        ("filesystem:\n  roms_folder: 17\n", "roms_folder"),
        ("exclude: [unclosed", "line 1"),
    ):
        file.write_text(text)
        assert named in known.get("/api/config")["CONFIG_FILE_PARSE_ERROR"]
        assert anonymous_config(known)["CONFIG_FILE_PARSE_ERROR"] is None
    assert spoilt.scan()["stats"]["scanned_roms"] == 1
    file.write_text("exclude:\n  platforms: [atari]\n")
    told = known.get("/api/config")
    assert told["CONFIG_FILE_PARSE_ERROR"] is None
    assert "atari" in told["EXCLUDED_PLATFORMS"]


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small file system of its own at ``folder``; skips where that may not be made."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"This user may not mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(("command", "is_new"), [("serve", True), ("scan", False)])
def test_a_data_folder_that_cannot_be_written(
    tmp_path: Path, new_home: NewHome, command: str, is_new: bool
) -> None:
    home = Home(tmp_path / "data", {"PATH": os.environ["PATH"]})
    with mounted(home.data, "size=8m"):
        if not is_new:
            shutil.copytree(new_home().data, home.data, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(home.data)], check=True)
        assert str(home.data) in explain(home.run(command), 2)


def test_a_full_disk_fails_the_scan_and_the_next_one_completes_it(
    tmp_path: Path, new_home: NewHome
) -> None:
    source = new_home()
    home = Home(tmp_path / "data", source.environment)
    library = tmp_path / "library"
    names = [f"Game {number} {'long name ' * 8}(USA).nes" for number in range(3000)]
    for name in names:
        write(library / "roms" / "nes" / name, make_bytes(name, 64))
    with mounted(home.data, "size=3m"):
        shutil.copytree(source.data, home.data, dirs_exist_ok=True)
        fail = home.run("scan", "--json", "--library", str(library))
        assert fail.returncode == 1, fail
        message = json.loads(fail.stdout)["message"]
        assert message.startswith("The disk of the database is full: free some space.")
        subprocess.run(["mount", "-o", "remount,size=64m", str(home.data)], check=True)
        stats = home.scan("--library", str(library))["stats"]
        assert stats["scanned_roms"] == len(names)
        assert stats["new_roms"] < len(names)
