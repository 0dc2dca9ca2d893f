import logging
from pathlib import Path

import pytest

from romm_lite.kernel import settings
from romm_lite.kernel.errors import SettingInvalid


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_an_empty_environment_gives_the_defaults() -> None:
    loaded = settings.load()
    assert loaded.romm_port == 8080
    assert loaded.database_url.startswith("sqlite:///")
    assert loaded.redis_url is None
    assert loaded.romm_cors_allowed_origins == ()


@pytest.mark.parametrize("word", ["1", "true", "YES", "On", " true "])
def test_true_words(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSK_MODE", word)
    assert settings.load().kiosk_mode is True


@pytest.mark.parametrize("word", ["0", "false", "enabled", "y"])
def test_every_other_word_is_false(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSK_MODE", word)
    assert settings.load().kiosk_mode is False


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_TIMEOUT", "  ")
    assert settings.load().scan_timeout == 14400


def test_a_bad_number_falls_back_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCAN_TIMEOUT", "soon")
    monkeypatch.setenv("ROMM_PORT", "99999")
    with caplog.at_level(logging.WARNING):
        loaded = settings.load()
    assert (loaded.scan_timeout, loaded.romm_port) == (14400, 8080)
    assert "SCAN_TIMEOUT" in caplog.text
    assert "ROMM_PORT" in caplog.text


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROMM_TRUSTED_PROXIES", "10.0.0.2, 172.17.0.1/16 ,2001:DB8::1")
    networks = ("10.0.0.2/32", "172.17.0.0/16", "2001:db8::1/128")
    assert settings.load().romm_trusted_proxies == networks


@pytest.mark.parametrize("word", ["nginx", "*", "10.0.0.2:80", "10.0.0.300", "10.0.0.0/33"])
def test_anything_else_trusts_nobody_and_says_so(
    word: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ROMM_TRUSTED_PROXIES", f"127.0.0.1,{word}")
    assert settings.load().romm_trusted_proxies == ()
    assert "ROMM_TRUSTED_PROXIES" in caplog.text
    assert word in caplog.text


def test_a_word_that_is_no_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGLEVEL", "loud")
    with pytest.raises(SettingInvalid, match="LOGLEVEL"):
        settings.load()


def test_the_environment_wins_over_dotenv_and_the_command_line_over_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("ROMM_PORT=1111\nDB_NAME=fromfile\n")
    monkeypatch.setenv("ROMM_PORT", "2222")
    assert settings.load().romm_port == 2222
    assert settings.load().db_name == "fromfile"
    assert settings.load({"romm_port": 3333}).romm_port == 3333
    assert settings.load({"romm_port": None}).romm_port == 2222


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "igdb"
    secret.write_text("hush\n")
    monkeypatch.setenv("IGDB_CLIENT_SECRET_FILE", str(secret))
    assert settings.load().igdb_client_secret == "hush"


def test_a_secret_file_that_cannot_be_read_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DB_PASSWD_FILE", "/nowhere/secret")
    with pytest.raises(SettingInvalid, match="DB_PASSWD_FILE"):
        settings.load()


def test_only_secrets_have_a_file_twin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "port"
    secret.write_text("1234")
    monkeypatch.setenv("ROMM_PORT_FILE", str(secret))
    assert settings.load().romm_port == 8080


def test_db_host_leads_away_from_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "db.lan")
    monkeypatch.setenv("DB_USER", "romm")
    monkeypatch.setenv("DB_PASSWD", "p@ss/word")
    assert settings.load().database_url == ("mariadb+pymysql://romm:p%40ss%2Fword@db.lan:3306/romm")


def test_a_database_url_wins_over_db_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "db.lan")
    monkeypatch.setenv("ROMM_DB_URL", "postgresql://u:p@pg.lan/romm")
    assert settings.load().database_url == "postgresql+psycopg://u:p@pg.lan/romm"


def test_redis_host_gives_a_redis_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "cache.lan")
    monkeypatch.setenv("REDIS_PASSWORD", "a b")
    monkeypatch.setenv("REDIS_SSL", "yes")
    assert settings.load().redis_url == "rediss://:a%20b@cache.lan:6379/0"


@pytest.mark.parametrize(
    ("given", "kept"), [("/romm/", "/romm"), ("romm", "/romm"), ("/", ""), ("/a/b", "/a/b")]
)
def test_the_root_path_has_one_form(given: str, kept: str) -> None:
    assert settings.load({"romm_root_path": given}).romm_root_path == kept


def test_the_library_lies_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    inside = settings.load({"romm_base_path": tmp_path}).places
    assert inside.library == tmp_path / "library"
    elsewhere = settings.load(
        {"romm_base_path": tmp_path, "romm_library_path": tmp_path / "games"}
    ).places
    assert elsewhere.library == tmp_path / "games"
    assert elsewhere.resources == tmp_path / "resources"


def test_settings_cannot_be_changed() -> None:
    loaded = settings.load()
    with pytest.raises(ValueError, match="frozen"):
        setattr(loaded, "romm_port", 1)  # noqa: B010


def test_container_settings_are_named_as_ignored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WEB_SERVER_CONCURRENCY", "4")
    with caplog.at_level(logging.INFO):
        settings.load()
    assert "WEB_SERVER_CONCURRENCY" in caplog.text


def test_more_connection_parameters_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "db.lan")
    monkeypatch.setenv("DB_QUERY_JSON", '{"ssl_ca": "/ca.pem"}')
    assert settings.load().database_url.endswith("/romm?ssl_ca=%2Fca.pem")
    monkeypatch.setenv("DB_QUERY_JSON", "ssl_ca=1")
    with pytest.raises(SettingInvalid, match="DB_QUERY_JSON"):
        _ = settings.load().database_url
