"""The secret everything is signed with."""

import logging
import stat

import pytest

from romm_lite.features.accounts.keys import signing_key
from romm_lite.kernel.paths import Places
from romm_lite.kernel.settings import Settings


def test_a_key_is_made_once_and_kept(places: Places) -> None:
    settings = Settings.model_validate({"romm_base_path": places.data})
    key = signing_key(settings)
    assert len(key) == 64
    assert signing_key(settings) == key
    assert stat.S_IMODE(places.secret.stat().st_mode) == 0o600


def test_two_installations_have_two_keys(places: Places) -> None:
    one = signing_key(Settings.model_validate({"romm_base_path": places.data / "one"}))
    two = signing_key(Settings.model_validate({"romm_base_path": places.data / "two"}))
    assert one != two


def test_the_setting_is_the_key_and_nothing_is_written(places: Places) -> None:
    settings = Settings.model_validate(
        {"romm_base_path": places.data, "romm_auth_secret_key": "k" * 32}
    )
    assert signing_key(settings) == "k" * 32
    assert not places.secret.exists()


def test_an_empty_file_is_no_key(places: Places) -> None:
    places.secret.write_text("\n")
    assert len(signing_key(Settings.model_validate({"romm_base_path": places.data}))) == 64


def test_a_short_key_is_warned_about_without_naming_it(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    signing_key(
        Settings.model_validate({"romm_base_path": places.data, "romm_auth_secret_key": "hunter2"})
    )
    assert "ROMM_AUTH_SECRET_KEY is short" in caplog.text
    assert "hunter2" not in caplog.text
