"""Games in emulator containers, over HTTP, with a broker that listens on this machine."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from romm_lite.kernel.scopes import Entity

from .conftest import Home


@dataclass
class Container:
    """A container whose broker does as ``answers`` says: path to status and JSON."""

    url: str = ""
    asked: list[tuple[str, str, Any, str | None]] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def last(self) -> tuple[str, str, Any]:
        return self.asked[-1][:3]


@pytest.fixture
def container() -> Iterator[Container]:
    made = Container()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.loads(content) if content else None
            made.asked.append((self.command, self.path, body, self.headers["x-broker-secret"]))
            status, told = made.answers.get(self.path, (200, {}))
            answer = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stage(home: Home, container: Container) -> Home:
    """A home with a container for the GameCube and one for the Super Nintendo."""
    configure(home, ("ngc", container.url), ("snes", f"{container.url}/snes"))
    return home


def configure(home: Home, *brokers: tuple[str, str]) -> None:
    lines = ["streaming:", "  enabled: true", "  containers:"]
    for platform, url in brokers:
        lines += [f"    - platform: {platform}", "      host: https://play.example"]
        lines += [f"      broker_host: {url}", "      broker_secret: whisper"]
    file = home.settings.places.config_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines))


def add_rom(home: Home, platform: str = "ngc") -> int:
    return home.rom("Moss (USA).iso", home.platform(platform), fs_path=f"roms/{platform}")


def claim(home: Home, rom: int, user: str = "ann") -> Any:
    return home.client(user).post("/api/streaming/sessions", json={"rom_id": rom})


def command(home: Home, what: str, body: Any, user: str = "ann") -> Any:
    return home.client(user).post(f"/api/streaming/sessions/ngc/{what}", json=body)


def release(home: Home, platform: str = "ngc", user: str = "ann") -> Any:
    return home.client(user).delete(f"/api/streaming/sessions/{platform}")


def sessions(home: Home) -> Any:
    return home.client("root").get("/api/streaming/sessions").json()


def test_nothing_is_configured_at_first(home: Home) -> None:
    told = home.client().get("/api/streaming/config").json()
    assert told == {"enabled": False, "containers": []}
    refused = claim(home, add_rom(home))
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "No streaming container configured for platform 'ngc'",
    )


def test_the_containers_are_told_without_what_is_behind_them(stage: Home) -> None:
    answer = stage.client().get("/api/streaming/config")
    assert answer.json() == {
        "enabled": True,
        "containers": [
            {
                "platform": "ngc",
                "host": "https://play.example",
                "label": "NGC",
                "capabilities": {"max_slots": 7, "has_autosave": True, "autosave_slot": 8},
            },
            {
                "platform": "snes",
                "host": "https://play.example",
                "label": "SNES",
                "capabilities": {"max_slots": 0, "has_autosave": False, "autosave_slot": None},
            },
        ],
    }
    assert "whisper" not in answer.text


@pytest.mark.parametrize("broker", ["nowhere", "ftp://x", "http://[", "http://x:port"])
def test_a_container_without_an_address_is_none(home: Home, broker: str) -> None:
    configure(home, ("ngc", broker))
    assert home.client().get("/api/streaming/config").json()["containers"] == []


def test_a_game_is_started(stage: Home, container: Container) -> None:
    answer = claim(stage, add_rom(stage))
    assert answer.status_code == 200
    told = answer.json()
    assert list(told) == ["platform", "host", "label", "rom_name", "claimed_at"]
    path = stage.settings.places.library / "roms/ngc/Moss (USA).iso"
    body = {"rom_path": str(path), "rom_name": told["rom_name"]}
    assert container.asked == [("POST", "/launch", body, "whisper")]
    assert sessions(stage) == {
        container.url: {
            "rom_name": told["rom_name"],
            "claimed_at": told["claimed_at"],
            "user_id": stage.users["ann"],
        }
    }


@pytest.mark.parametrize("user", ["ann", "bob"])
def test_one_plays_at_a_time(stage: Home, container: Container, user: str) -> None:
    rom = add_rom(stage)
    first = claim(stage, rom).json()
    refused = claim(stage, rom, user)
    assert refused.status_code == 409
    assert refused.json()["detail"] == {
        "message": "Session in use",
        "rom_name": first["rom_name"],
        "claimed_at": first["claimed_at"],
    }
    assert len(container.asked) == 1


def test_a_hidden_game_is_none(stage: Home, container: Container) -> None:
    rom = add_rom(stage)
    stage.hide(Entity.ROMS, rom)
    assert claim(stage, rom).json() == {"detail": "ROM not found"}
    assert container.asked == []


def test_a_broker_that_refuses_leaves_the_container_free(stage: Home, container: Container) -> None:
    rom = add_rom(stage)
    container.answers["/launch"] = (418, {"detail": "no such\ngame"})
    answer = claim(stage, rom)
    assert answer.status_code == 502
    assert answer.json()["detail"] == "Broker returned 418: no such game"
    container.answers.clear()
    assert claim(stage, rom).status_code == 200


def test_a_broker_out_of_reach_leaves_the_container_free(home: Home) -> None:
    configure(home, ("ngc", "http://127.0.0.1:1"))
    assert claim(home, add_rom(home)).status_code == 503
    assert sessions(home) == {}


def test_commands_go_to_the_game(stage: Home, container: Container) -> None:
    claim(stage, add_rom(stage))
    container.answers["/mute"] = (200, {"mute": True})
    assert command(stage, "volume", {"level": 40}).json() == {
        "status": "ok",
        "level": 40,
        "platform": "ngc",
    }
    assert container.last() == ("POST", "/volume", {"level": 40})
    assert command(stage, "mute", {}).json()["mute"] is True
    assert container.last() == ("POST", "/mute", {})
    saving = command(stage, "save-state", {"slot": 7}).json()
    assert saving == {"status": "saving", "slot": 7, "platform": "ngc"}
    loaded = command(stage, "load-state", {"slot": 8}).json()
    assert loaded == {"status": "ok", "loaded": True, "slot": 8, "platform": "ngc"}


@pytest.mark.parametrize("what", ["volume", "mute", "save-state", "load-state", "save-and-exit"])
def test_a_command_that_fails_says_so_and_the_game_goes_on(
    stage: Home, container: Container, what: str
) -> None:
    claim(stage, add_rom(stage))
    container.answers[f"/{what}"] = (500, {})
    answer = command(stage, what, {"level": 1} if what == "volume" else {})
    assert answer.status_code == 502
    assert answer.json()["detail"].startswith("Broker failed to ")
    assert len(sessions(stage)) == 1


@pytest.mark.parametrize(
    ("what", "slot"), [("save-state", 8), ("load-state", 9), ("save-and-exit", 10)]
)
def test_a_slot_the_emulator_lacks_is_refused(stage: Home, what: str, slot: int) -> None:
    claim(stage, add_rom(stage))
    answer = command(stage, what, {"slot": slot})
    assert answer.status_code == 422
    assert answer.json()["detail"] == f"Slot {slot} is not available for platform 'ngc'"


def test_only_who_plays_and_administrators_command(stage: Home) -> None:
    refused = command(stage, "volume", {"level": 1})
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "No active session for platform 'ngc'",
    )
    claim(stage, add_rom(stage))
    refused = command(stage, "volume", {"level": 1}, "bob")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Session is claimed by another user",
    )
    assert release(stage, user="bob").status_code == 403
    assert command(stage, "volume", {"level": 1}, "root").status_code == 200


def test_a_game_is_saved_and_ended(stage: Home, container: Container) -> None:
    rom = add_rom(stage)
    claim(stage, rom)
    container.answers["/save-and-exit"] = (200, {"saved": True})
    answer = command(stage, "save-and-exit", {"slot": 2})
    assert answer.json() == {"status": "ok", "saved": True, "platform": "ngc"}
    assert container.last() == ("POST", "/save-and-exit", {"slot": 2, "wait": True})
    assert claim(stage, rom).status_code == 200


def test_who_does_not_wait_leaves_it_busy_for_a_moment(stage: Home) -> None:
    rom = add_rom(stage)
    claim(stage, rom)
    assert command(stage, "save-and-exit", {"wait": False}).json()["saved"] is False
    assert sessions(stage) == {}
    assert command(stage, "volume", {"level": 1}).status_code == 404
    assert claim(stage, rom).status_code == 409


def test_a_game_is_ended_even_if_the_broker_is_gone(stage: Home, container: Container) -> None:
    rom = add_rom(stage)
    assert release(stage).json() == {"status": "not_found", "platform": "ngc"}
    claim(stage, rom)
    container.answers["/launch"] = (500, {})
    assert release(stage).json() == {"status": "released", "platform": "ngc"}
    assert container.last() == ("DELETE", "/launch", None)
    container.answers.clear()
    assert claim(stage, rom).status_code == 200


def test_administrators_end_all_games(stage: Home, container: Container) -> None:
    claim(stage, add_rom(stage))
    claim(stage, stage.rom("Fern.sfc", stage.platform("snes")))
    assert stage.client().get("/api/streaming/sessions").status_code == 403
    assert stage.client().delete("/api/streaming/sessions").status_code == 403
    assert len(sessions(stage)) == 2
    answer = stage.client("root").delete("/api/streaming/sessions")
    assert answer.json() == {"status": "released", "count": 2}
    assert sessions(stage) == {}
    assert {path for method, path, *_ in container.asked if method == "DELETE"} == {
        "/launch",
        "/snes/launch",
    }
