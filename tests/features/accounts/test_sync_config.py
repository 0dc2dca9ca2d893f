from typing import Any

import pytest

from romm_lite.features.accounts.sync_config import DEEPEST, MOST_BYTES, accept_config
from romm_lite.kernel.errors import Unprocessable
from romm_lite.wire.devices import MASK, mask_secrets

KEPT = {
    "ssh_host": "deck.lan",
    "ssh_password": "hunter2",
    "ssh_key_path": "deck.pem",
    "others": [{"ssh_password": "first"}, {"ssh_host": "b"}, {"ssh_password": "third"}],
}


def nest(levels: int) -> dict[str, Any]:
    """So many objects inside each other."""
    config: dict[str, Any] = {}
    for _ in range(levels - 1):
        config = {"x": config}
    return config


def message_of(config: dict[str, Any]) -> str:
    with pytest.raises(Unprocessable) as refusal:
        accept_config(config, None)
    (error,) = refusal.value.detail
    assert error["loc"] == ["body", "sync_config"]
    assert error["input"] is None
    return str(error["msg"])


def test_what_was_read_masked_can_be_written_back() -> None:
    assert accept_config(mask_secrets(KEPT), KEPT) == KEPT


def test_secrets_are_masked_however_deep_and_whatever_they_are() -> None:
    config = {"ssh_password": {"a": "b"}, "list": [[{"ssh_key_path": "k"}]], "ssh_port": 22}
    masked = {"ssh_password": MASK, "list": [[{"ssh_key_path": MASK}]], "ssh_port": 22}
    assert mask_secrets(config) == masked


def test_only_exact_names_are_secrets() -> None:
    config = {"SSH_PASSWORD": "x", "ssh_password_hint": "y", "note": MASK}
    assert mask_secrets(config) == config
    assert accept_config(config, None) == config


@pytest.mark.parametrize("empty", [None, ""])
def test_a_secret_that_is_not_there_is_not_masked(empty: str | None) -> None:
    assert mask_secrets({"ssh_password": empty}) == {"ssh_password": empty}


def test_other_fields_change_around_a_masked_secret() -> None:
    changed = {**mask_secrets(KEPT), "ssh_host": "other.lan"}
    assert accept_config(changed, KEPT) == {**KEPT, "ssh_host": "other.lan"}


def test_a_new_secret_replaces_the_old_one_and_null_removes_it() -> None:
    changed = {"ssh_password": "swordfish", "ssh_key_path": None}
    assert accept_config(changed, KEPT) == changed


@pytest.mark.parametrize("kept", [None, {}, {"others": "text"}, {"others": [1]}])
def test_a_mask_of_nothing_is_left_out(kept: dict[str, Any] | None) -> None:
    sent = {"ssh_host": "deck.lan", "ssh_password": MASK, "others": [{"ssh_key_path": MASK}]}
    assert accept_config(sent, kept) == {"ssh_host": "deck.lan", "others": [{}]}


def test_without_a_config_there_is_none() -> None:
    assert accept_config(None, KEPT) is None
    assert accept_config({}, KEPT) == {}


@pytest.mark.parametrize("name", ["deck.pem", "id_ed25519", ".hidden", "schlüssel 1", None])
def test_a_key_is_named_by_a_plain_file_name(name: str | None) -> None:
    assert accept_config({"ssh_key_path": name}, None) == {"ssh_key_path": name}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/etc/ssh/ssh_host_rsa_key", "../secret-key", "keys/deck.pem", "a\\b", "C:key",
     "key\n", "x" * 451, 5, True, ["deck.pem"], {"a": "b"}],
)  # fmt: skip
def test_a_key_anywhere_else_is_refused(name: Any) -> None:
    for config in ({"ssh_key_path": name}, {"others": [{"ssh_key_path": name}]}):
        assert "must be the name of a file" in message_of(config)


def test_it_can_have_16_kib_of_json() -> None:
    frame = len('{"x":""}')
    fits = {"x": "y" * (MOST_BYTES - frame)}
    assert accept_config(fits, None) == fits
    assert "16384 bytes" in message_of({"x": "y" * (MOST_BYTES - frame + 1)})


def test_size_is_that_of_what_is_kept_not_of_its_masks() -> None:
    kept = {"ssh_password": "y" * 10_000}
    with pytest.raises(Unprocessable):
        accept_config({"ssh_password": MASK, "x": "z" * 10_000}, kept)


def test_it_can_be_only_so_deep() -> None:
    assert accept_config(nest(DEEPEST), None) == nest(DEEPEST)
    assert "levels deep" in message_of(nest(DEEPEST + 1))
    assert "levels deep" in message_of({"list": [nest(DEEPEST - 1)]})
