"""What is stored of a password."""

import asyncio

import bcrypt
import pytest

from romm_lite.features.accounts import passwords
from romm_lite.features.accounts.passwords import Passwords, hash_password, matches
from romm_lite.features.accounts.queries import Account

LONG = "x" * 80


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules hold for any number of rounds; four are quick."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)


def account(hashed: str | None, epoch: int = 0) -> Account:
    return Account(
        id=1,
        username="ann",
        role="user",
        enabled=True,
        hashed_password=hashed,
        epoch=epoch,
        last_active=None,
        group_id=None,
        has_hidden=False,
    )


def test_short_passwords_are_plain_bcrypt() -> None:
    hashed = hash_password("secret")
    assert bcrypt.checkpw(b"secret", hashed.encode())
    assert matches("secret", hashed)
    assert not matches("Secret", hashed)


def test_every_character_of_a_long_password_counts() -> None:
    hashed = hash_password(LONG)
    assert matches(LONG, hashed)
    assert not matches(LONG[:-1], hashed)
    assert not matches(LONG[:72], hashed)


def test_the_limit_is_72_bytes() -> None:
    assert hash_password("x" * 72).startswith("$2b$")
    assert not hash_password("x" * 73).startswith("$2b$")
    assert matches("x" * 72, hash_password("x" * 72))
    assert not matches("x" * 72, hash_password("x" * 73))


def test_hashes_of_long_passwords_that_romm_made_still_fit() -> None:
    cut = bcrypt.hashpw(LONG.encode()[:72], bcrypt.gensalt(4)).decode()
    assert matches(LONG, cut)


def test_hashes_fit_the_column() -> None:
    assert len(hash_password("x" * 255)) <= 255


@pytest.mark.parametrize("hashed", [None, "", "not a hash", "sha256$", "$2b$04$short", "é"])
def test_what_is_no_hash_fits_nothing(hashed: str | None) -> None:
    assert not matches("", hashed)
    assert not matches("secret", hashed)


def test_an_account_does_not_show_its_hash() -> None:
    assert "$2b$" not in repr(account(hash_password("secret")))


def test_wrong_passwords_are_never_remembered() -> None:
    keeper = Passwords()
    known = account(hash_password("secret"))
    assert not asyncio.run(keeper.check("wrong", known))
    assert not asyncio.run(keeper.check("wrong", known))
    assert asyncio.run(keeper.check("secret", known))
    assert not asyncio.run(keeper.check("wrong", known))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "REMEMBER_MOST", 2)
    keeper = Passwords()
    for epoch in range(4):
        asyncio.run(keeper.check("secret", account(hash_password("secret"), epoch)))
    assert len(keeper._good) == 2


def test_it_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "REMEMBER_SECONDS", 0)
    keeper = Passwords()
    known = account(hash_password("secret"))
    asyncio.run(keeper.check("secret", known))
    monkeypatch.setattr(passwords, "matches", lambda *_: False)
    assert not asyncio.run(keeper.check("secret", known))
