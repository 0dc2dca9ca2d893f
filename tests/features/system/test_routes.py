import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from romm_lite import __version__
from romm_lite.wire.config import ConfigResponse
from tests.features.system.conftest import Start, login, make_user

SAMPLE = Path(__file__).resolve().parents[2] / "wire" / "heartbeat.json"


def test_the_heartbeat_is_that_of_the_spoken_protocol(start: Start) -> None:
    pulse = start().get("/api/heartbeat").json()
    expected = json.loads(SAMPLE.read_text())
    ours = pulse.pop("ROMM_LITE")
    expected["SYSTEM"] = {"VERSION": "5.2.0", "SHOW_SETUP_WIZARD": True}
    expected["FILESYSTEM"]["FS_PLATFORMS"] = []
    expected.pop("ROMM_LITE", None)
    assert pulse == expected
    assert list(pulse) == list(expected)
    assert ours["VERSION"] == __version__


def test_the_wizard_is_over_once_there_is_an_administrator(client: TestClient) -> None:
    assert client.get("/api/heartbeat").json()["SYSTEM"]["SHOW_SETUP_WIZARD"] is False


def test_the_wizard_can_be_switched_off(start: Start) -> None:
    pulse = start(disable_setup_wizard=True).get("/api/heartbeat").json()
    assert pulse["SYSTEM"]["SHOW_SETUP_WIZARD"] is False


def test_keys_switch_sources_on(start: Start) -> None:
    sources = start(igdb_client_id="a", igdb_client_secret="b", hasheous_api_enabled=True)
    pulse = sources.get("/api/heartbeat").json()["METADATA_SOURCES"]
    assert pulse["IGDB_API_ENABLED"] is pulse["HASHEOUS_API_ENABLED"] is True
    assert pulse["MOBY_API_ENABLED"] is False


def test_platform_folders_are_told(start: Start, tmp_path: Path) -> None:
    for name in ("snes", "nes", "@eaDir"):
        (tmp_path / "data" / "library" / "roms" / name).mkdir(parents=True)
    pulse = start().get("/api/heartbeat").json()
    assert pulse["FILESYSTEM"]["FS_PLATFORMS"] == ["nes", "snes"]


@pytest.mark.parametrize(("source", "answer"), [("gamelist", True), ("igdb", False)])
def test_a_source_has_a_heartbeat_of_its_own(source: str, answer: bool, client: TestClient) -> None:
    assert client.get(f"/api/heartbeat/metadata/{source}").json() is answer


def test_an_unknown_source_is_refused(client: TestClient) -> None:
    answer = client.get("/api/heartbeat/metadata/nobody")
    assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid metadata source"})


def test_the_root_answers_with_a_page(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "romm_lite is running" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]


def test_the_printed_link_tells_how_to_make_the_first_account(start: Start) -> None:
    answer = start().get("/setup?token=abc")
    assert answer.status_code == 200
    assert "romm-lite user create" in answer.text


def test_config_has_every_key(client: TestClient) -> None:
    config = client.get("/api/config").json()
    assert list(config) == list(ConfigResponse.model_fields)
    assert config["CONFIG_FILE_MOUNTED"] is config["CONFIG_FILE_WRITABLE"] is True
    assert config["SCAN_REGION_PRIORITY"] == ["us", "wor", "ss", "eu", "jp"]


def test_strangers_see_neither_mistakes_nor_servers(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "data" / "config" / "config.yml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "emulatorjs: {netplay: {ice_servers: [{urls: 'stun:x', credential: hush}]}}\n"
        "filesystem: {skip_hash_calculation: [1]}\n"
    )
    client = start()
    make_user(client, "keeper", "admin")
    stranger = client.get("/api/config").json()
    assert stranger["CONFIG_FILE_PARSE_ERROR"] is None
    assert stranger["EJS_NETPLAY_ICE_SERVERS"] == []
    known = client.get("/api/config", auth=login()).json()
    assert "skip_hash_calculation" in known["CONFIG_FILE_PARSE_ERROR"]
    assert known["EJS_NETPLAY_ICE_SERVERS"] == [{"urls": "stun:x", "credential": "hush"}]


def test_a_broken_config_is_told_and_harms_nothing(start: Start, tmp_path: Path) -> None:
    client = start()
    make_user(client, "keeper", "admin")
    (tmp_path / "data" / "config" / "config.yml").write_text("exclude: [unclosed")
    config = client.get("/api/config", auth=login()).json()
    assert config["CONFIG_FILE_PARSE_ERROR"]
    assert config["EXCLUDED_SINGLE_EXT"] == sorted(config["DEFAULT_EXCLUDED_EXTENSIONS"])


def test_everything_moves_under_a_sub_path(start: Start) -> None:
    client = start(romm_root_path="/romm")
    assert client.get("/romm/api/heartbeat").status_code == 200
    assert client.get("/romm/").text.count('href="/romm/api/docs"') == 1
    assert client.get("/api/heartbeat").status_code == 404
