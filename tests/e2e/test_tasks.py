"""Tasks of a real server: watched, stopped, killed in the middle; workers elsewhere by Redis."""

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from romm_lite.db.entries import RedisEntries
from romm_lite.kernel.errors import StartupError
from tests.conftest import absent
from tests.e2e.conftest import WAIT, Home, NewHome, Server
from tests.e2e.library import write

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9").rpartition("/")[0] + "/8"
CONVERT = {"ENABLE_SCHEDULED_CONVERT_IMAGES_TO_WEBP": "true"}
COVERS = 300


def draw_many(home: Home) -> None:
    """Covers that take long to convert: noise."""
    folder = home.data / "resources/roms/1/2/cover"
    folder.mkdir(parents=True)
    Image.frombytes("RGB", (600, 600), os.urandom(600 * 600 * 3)).save(folder / "0.png")
    for each in range(1, COVERS):
        os.link(folder / "0.png", folder / f"{each}.png")


def count(home: Home) -> int:
    return len(list((home.data / "resources").rglob("*.webp")))


def run(server: Server, name: str, **arguments: Any) -> str:
    answer = server.client.post(f"/api/tasks/run/{name}", json=arguments).raise_for_status()
    task_id: str = answer.json()["task_id"]
    return task_id


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def conversions(server: Server) -> list[dict[str, Any]]:
    """The newest first."""
    told = server.get("/api/tasks/status")
    return [task for task in told if task["task_type"] == "conversion"]


def test_a_task_that_was_killed_is_told_and_goes_on(new_home: NewHome) -> None:
    home = new_home(**CONVERT)
    draw_many(home)
    with home.serve() as server:
        task_id = run(server, "convert_images_to_webp")
        wait_for(lambda: count(home) > 3)
        assert server.get(f"/api/tasks/{task_id}")["status"] == "started"
        server.process.kill()
        server.process.wait()
    with home.serve() as server:
        wait_for(lambda: len(conversions(server)) == 2)
        second, first = conversions(server)
        assert (first["task_id"], first["status"]) == (task_id, "failed")
        assert (first["interrupted"], first["message"]) == (
            True,
            "The program was ended in the middle of it.",
        )
        wait_for(lambda: server.get(f"/api/tasks/{second['task_id']}")["status"] == "started")
        wait_for(lambda: bool(conversions(server)[0]["meta"]["conversion_stats"]))
        left = conversions(server)[0]["meta"]["conversion_stats"]["total"]
        assert left < COVERS
        server.client.post(f"/api/tasks/{second['task_id']}/cancel").raise_for_status()
        wait_for(lambda: conversions(server)[0]["status"] == "stopped")
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
def test_a_server_that_ends_in_the_middle_of_a_task_ends_at_once(new_home: NewHome) -> None:
    home = new_home(**CONVERT)
    draw_many(home)
    with home.serve() as server:
        run(server, "convert_images_to_webp")
        wait_for(lambda: count(home) > 3)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WAIT) == 0
    assert count(home) < COVERS
    listed = json.loads(home.run("task", "list", "--json").stdout)
    (told,) = [task for task in listed if task["name"] == "convert_images_to_webp"]
    assert told["last_run"]["status"] == "interrupted"


@pytest.mark.slow
def test_the_command_line_runs_a_task_itself_or_has_the_server_run_it(new_home: NewHome) -> None:
    home = new_home()
    write(home.library / "roms/nes/Moss.nes", b"moss")
    write(home.library / "roms/nes/Fern.nes", b"fern")
    home.scan()
    (home.library / "roms/nes/Moss.nes").unlink()
    home.scan()
    alone = home.run("task", "run", "cleanup_missing_roms", "dry_run=true", "--json")
    assert alone.returncode == 0, alone.stderr
    assert json.loads(alone.stdout)["stats"]["roms_found"] == 1
    with home.serve() as server:
        done = home.run("task", "run", "cleanup_missing_roms")
        assert done.returncode == 0, done.stderr
        assert "roms_deleted 1" in done.stdout
        assert set(server.roms()) == {"Fern.nes"}
        told = [task["status"] for task in server.get("/api/tasks/status")]
        assert told.count("finished") == 4  # two of them are scans
        assert "begins" in server.log.read_text()
    wrong = home.run("task", "run", "cleanup_missing_roms", "colour=red")
    assert wrong.returncode == 1
    assert "colour" in wrong.stderr


def test_the_command_line_has_the_server_scan(new_home: NewHome) -> None:
    home = new_home()
    huge = home.library / "roms/wii/Vast.iso"
    write(huge, b"")
    os.truncate(huge, 64 << 30)
    with home.serve() as server:
        first = server.start_scan()
        server.wait_for_scan(first, lambda scan: scan["phase"] == "hashes")
        write(home.library / "roms/nes/Moss.nes", b"moss")
        command = home.command("scan", "--json", "--platform", "nes")
        with subprocess.Popen(
            command, env=home.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            wait_for(lambda: server.get("/api/scans")[0]["status"] == "waiting")
            server.client.post(f"/api/scans/{first}/stop").raise_for_status()
            output, _ = process.communicate(timeout=WAIT)
        assert process.returncode == 0
        outcome = json.loads(output)
        assert (outcome["status"], outcome["stats"]["new_roms"]) == ("done", 1)
        assert outcome["id"] == server.get("/api/scans")[0]["id"]


@pytest.fixture
def by_redis() -> Iterator[str]:
    """An empty database of a Redis server that no other test uses."""
    import redis

    try:
        RedisEntries(REDIS)
    except StartupError as error:
        absent(f"Redis is not running at {REDIS}: {error}")
    with redis.Redis.from_url(REDIS) as client:
        client.flushdb()
        yield REDIS
        client.flushdb()


@contextmanager
def working(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    log = home.data.with_name(f"worker-{uuid.uuid4().hex}.log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            home.command("worker"), env=home.environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            wait_for(lambda: "waits for tasks" in log.read_text() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            process.terminate()
    assert "Traceback" not in log.read_text()


def test_a_worker_of_another_process_runs_tasks_by_redis(new_home: NewHome, by_redis: str) -> None:
    home = new_home(ROMM_REDIS_URL=by_redis, **CONVERT)
    write(home.library / "roms/nes/Moss.nes", b"moss")
    draw_many(home)
    with working(home) as worker:
        done = home.run("task", "run", "cleanup_missing_roms", "dry_run=true", "--json")
        assert json.loads(done.stdout)["status"] == "finished", done.stderr
        with home.serve() as server:
            ids = [run(server, "cleanup_missing_roms", platform_id=each) for each in range(1, 9)]
            wait_for(
                lambda: {server.get(f"/api/tasks/{each}")["status"] for each in ids} == {"finished"}
            )
            server.process.terminate()
            server.process.wait(WAIT)
        command = home.command("task", "run", "convert_images_to_webp", "--json")
        with subprocess.Popen(
            command, env=home.environment, stdout=subprocess.PIPE, text=True
        ) as asking:
            wait_for(lambda: count(home) > 3)
            asking.send_signal(signal.SIGINT)
            output, _ = asking.communicate(timeout=WAIT)
        assert asking.returncode == 130
        assert json.loads(output)["status"] == "stopped"
        assert worker.poll() is None


def test_a_worker_needs_redis(home: Home) -> None:
    done = home.run("worker")
    assert done.returncode == 2
    assert "ROMM_REDIS_URL" in done.stderr
