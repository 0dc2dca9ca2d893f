"""Tasks over HTTP: what there is, running, watching, stopping."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.features.system.conftest import Start, login, make_user

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "spec" / "data" / "samples"
LISTED = ("scheduled", "manual", "watcher")
NOT_BUILT = {
    "update_launchbox_metadata",
    "update_switch_titledb",
    "sync_folder_scan",
    "recompute_save_content_hashes",
}


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")


def read(client: TestClient, path: str) -> Any:
    answer: Any = client.get(path, auth=login())
    assert answer.status_code == 200
    return answer.json()


def post(client: TestClient, path: str, **options: Any) -> Any:
    return client.post(path, auth=login(), **options)


def run(client: TestClient, name: str, **arguments: Any) -> str:
    """The id of a task that was asked for."""
    answer = post(client, f"/api/tasks/run/{name}", json=arguments)
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["task_id"]
    return task_id


def watch(client: TestClient, task_id: str, *words: str) -> Any:
    """The task, once it stands as is said."""
    wait_for(lambda: read(client, f"/api/tasks/{task_id}")["status"] in words)
    return read(client, f"/api/tasks/{task_id}")


def draw_many(data: Path, number: int = 400) -> None:
    """Covers that take long to convert: noise."""
    folder = data / "resources/roms/1/2/cover"
    folder.mkdir(parents=True)
    Image.frombytes("RGB", (600, 600), os.urandom(600 * 600 * 3)).save(folder / "0.png")
    for each in range(1, number):
        os.link(folder / "0.png", folder / f"{each}.png")


def keep(client: TestClient) -> TestClient:
    make_user(client, "keeper", "admin")
    return client


def test_the_list_is_the_one_clients_know(client: TestClient) -> None:
    told = read(client, "/api/tasks")
    assert tuple(told) == LISTED
    if not SAMPLES.is_dir():
        pytest.skip("the sample of the protocol lies beside the checkout")
    sample = json.loads(next(SAMPLES.rglob("list_default_env.json")).read_text())
    for group in LISTED:
        for mine, theirs in zip(told[group], sample[group], strict=True):
            assert mine["name"] == theirs["name"]
            for key in ("type", "title", "cron_string"):
                assert mine[key] == theirs[key], mine["name"]
            if mine["name"] not in NOT_BUILT:
                assert mine["enabled"] == theirs["enabled"], mine["name"]
                assert mine["manual_run"] == theirs["manual_run"], mine["name"]


def test_what_is_not_built_says_so_whatever_the_settings_are(start: Start) -> None:
    client = keep(start(enable_scheduled_update_switch_titledb=True))
    told = [task for group in read(client, "/api/tasks").values() for task in group]
    for task in told:
        if task["name"] in NOT_BUILT:
            assert not task["enabled"]
            assert "not available yet" in task["description"]
            answer = post(client, f"/api/tasks/run/{task['name']}")
            assert answer.status_code == 400
            assert answer.json() == {"detail": f"Task '{task['name']}' cannot be run"}


def test_a_task_runs_and_is_found_again(client: TestClient) -> None:
    answer = post(client, "/api/tasks/run/cleanup_missing_roms", json={"dry_run": True})
    assert answer.status_code == 200
    asked = answer.json()
    assert set(asked) == {"task_name", "task_id", "status", "created_at", "enqueued_at"}
    assert (asked["task_name"], asked["status"]) == ("Cleanup missing ROMs", "queued")
    ended = watch(client, asked["task_id"], "finished", "failed")
    assert ended["status"] == "failed"
    assert ended["message"] == "The library is not there. Is its drive mounted?"
    assert ended["task_type"] == "cleanup"
    assert ended["meta"]["cleanup_stats"] is None
    assert not ended["interrupted"]
    assert ended in read(client, "/api/tasks/status")


def test_what_cannot_be_run_is_refused(client: TestClient) -> None:
    for name, body, code, said in (
        ("scan_library", None, 400, "Task 'scan_library' cannot be run"),
        ("cleanup_orphaned_resources", {}, 400, "cannot be run"),
        ("cleanup_missing_roms", {"colour": "red"}, 400, "colour"),
        ("cleanup_missing_roms", {"platform_id": 0}, 400, "platform_id"),
        ("make_tea", None, 404, "Task 'make_tea' not found, available tasks are cleanup_missing"),
        ("purge_trash", None, 404, "not found"),
    ):
        answer = post(client, f"/api/tasks/run/{name}", json=body)
        assert answer.status_code == code
        assert said in answer.json()["detail"]


def test_unknown_tasks_are_told(client: TestClient) -> None:
    for task_id in ("x", "scan-7", "scan-x", "scan-99999999999999"):
        for answer in (
            client.get(f"/api/tasks/{task_id}", auth=login()),
            post(client, f"/api/tasks/{task_id}/cancel"),
        ):
            assert answer.status_code == 404
            assert answer.json() == {"detail": f"Task with ID '{task_id}' not found"}


def test_progress_is_shown_and_a_task_is_canceled(start: Start, tmp_path: Path) -> None:
    draw_many(tmp_path / "data")
    client = keep(start(enable_scheduled_convert_images_to_webp=True))
    task_id = run(client, "convert_images_to_webp")

    def count() -> int:
        stats = read(client, f"/api/tasks/{task_id}")["meta"]["conversion_stats"]
        return stats["processed"] if stats else 0

    wait_for(lambda: count() > 0)
    assert run(client, "convert_images_to_webp") == run(client, "convert_images_to_webp")
    (task, second) = (
        each for each in read(client, "/api/tasks/status") if each["task_type"] == "conversion"
    )
    assert {task["status"], second["status"]} == {"started", "queued"}
    waiting = task if task["status"] == "queued" else second
    post(client, f"/api/tasks/{waiting['task_id']}/cancel")
    assert watch(client, waiting["task_id"], "canceled")["ended_at"]
    assert post(client, f"/api/tasks/{task_id}/cancel").json()["status"] == "started"
    stopped = watch(client, task_id, "stopped")
    stats = stopped["meta"]["conversion_stats"]
    assert 0 < stats["processed"] < stats["total"] == 400
    assert stopped["message"] == "The task was stopped."
    done = len(list((tmp_path / "data/resources").rglob("*.webp")))
    assert done == stats["processed"]


def test_scans_are_listed_among_the_tasks(start: Start, tmp_path: Path) -> None:
    game = tmp_path / "data/library/roms/snes/Moss.sfc"
    game.parent.mkdir(parents=True)
    game.write_bytes(b"moss")
    client = keep(start())
    number = post(client, "/api/scans", json={}).json()["id"]
    ended = watch(client, f"scan-{number}", "finished", "failed")
    assert (ended["task_name"], ended["task_type"]) == ("Quick scan", "scan")
    assert ended["meta"]["scan_stats"]["new_roms"] == 1
    assert ended in read(client, "/api/tasks/status")


def test_a_scan_that_waits_is_called_off_as_a_task(start: Start, tmp_path: Path) -> None:
    huge = tmp_path / "data/library/roms/wii/Vast.iso"
    huge.parent.mkdir(parents=True)
    huge.touch()
    os.truncate(huge, 1 << 36)
    client = keep(start())
    first = post(client, "/api/scans", json={}).json()["id"]
    watch(client, f"scan-{first}", "started")
    second = post(client, "/api/scans", json={}).json()["id"]
    assert read(client, f"/api/tasks/scan-{second}")["status"] == "queued"
    assert post(client, f"/api/tasks/scan-{second}/cancel").json()["status"] == "stopped"
    post(client, f"/api/tasks/scan-{first}/cancel")
    watch(client, f"scan-{first}", "stopped")


def test_only_who_may_run_tasks_sees_them(client: TestClient) -> None:
    make_user(client, "ann", "user", auth=login())
    for path in ("", "/status", "/x"):
        assert client.get(f"/api/tasks{path}", auth=login("ann")).status_code == 403
        assert client.get(f"/api/tasks{path}").status_code in (401, 403)
