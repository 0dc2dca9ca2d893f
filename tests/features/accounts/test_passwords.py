"""What is stored of a password."""

import asyncio
import os
import time
from typing import Any

import bcrypt
import pytest

from romm_lite.features.accounts import passwords
from romm_lite.features.accounts.limits import Limits
from romm_lite.features.accounts.passwords import Guess, Passwords, hash_password, matches
from romm_lite.features.accounts.queries import Account
from romm_lite.kernel.errors import TooMany
from romm_lite.kernel.settings import Settings

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
        max_age=None,
        hide_unrated=False,
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


def keeper(**settings: Any) -> Passwords:
    """At a moment that stands still, as far as limits go."""
    return Passwords(Limits(Settings(**settings), clock=lambda: 0.0))


def guess(password: str, name: str = "ann", address: str = "192.0.2.1") -> Guess:
    return Guess(name, password, address)


def test_a_guess_does_not_show_its_password() -> None:
    assert "secret" not in repr(guess("secret"))


def test_wrong_passwords_are_never_remembered() -> None:
    kept = keeper()
    known = account(hash_password("secret"))
    assert not asyncio.run(kept.check(guess("wrong"), known))
    assert not asyncio.run(kept.check(guess("wrong"), known))
    assert asyncio.run(kept.check(guess("secret"), known))
    assert not asyncio.run(kept.check(guess("wrong"), known))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "REMEMBER_MOST", 2)
    kept = keeper()
    for epoch in range(4):
        asyncio.run(kept.check(guess("secret"), account(hash_password("secret"), epoch)))
    assert len(kept._good) == 2


def test_it_is_forgotten_after_a_while_without_use(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.monotonic()
    monkeypatch.setattr("romm_lite.features.accounts.passwords.time.monotonic", lambda: moment)
    kept, known = keeper(), account(hash_password("secret"))
    asyncio.run(kept.check(guess("secret"), known))
    for _ in range(3):
        moment += passwords.REMEMBER_SECONDS - 1
        assert kept.remembers(guess("secret"), known)
    moment += passwords.REMEMBER_SECONDS
    assert not kept.remembers(guess("secret"), known)


def test_nothing_is_remembered_of_an_account_without_a_password() -> None:
    kept = keeper()
    assert not asyncio.run(kept.check(guess("secret"), account(None)))
    assert not asyncio.run(kept.check(guess("secret"), None))
    assert not kept.remembers(guess("secret"), account(None))
    assert not kept.remembers(guess("secret"), None)


class Watched:
    """bcrypt, counting what it is asked at the same time and in all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[bytes] = []
        self.most_at_once = 0
        self._at_once = 0
        self._real = bcrypt.checkpw
        monkeypatch.setattr(bcrypt, "checkpw", self._check)

    def _check(self, text: bytes, hashed: bytes) -> bool:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.asked.append(text)
        good = self._real(text, hashed)
        self._at_once -= 1
        return good


def test_the_same_password_many_times_at_once_is_looked_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, known = keeper(romm_login_attempts=1), account(hash_password("secret"))
    watched = Watched(monkeypatch)

    async def start_up() -> list[bool]:
        return await asyncio.gather(*(kept.check(guess("secret"), known) for _ in range(16)))

    assert asyncio.run(start_up()) == [True] * 16
    assert len(watched.asked) == 1


@pytest.mark.parametrize("differing", ["name", "address"])
def test_of_one_address_or_account_one_password_is_looked_at_at_a_time(
    monkeypatch: pytest.MonkeyPatch, differing: str
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    kept, watched = keeper(romm_login_attempts=0), Watched(monkeypatch)
    hashed = hash_password("secret")

    async def guess_at_once() -> None:
        guesses = [guess("wrong", **{differing: str(number)}) for number in range(16)]
        await asyncio.gather(*(kept.check(each, account(hashed)) for each in guesses))

    asyncio.run(guess_at_once())
    assert (len(watched.asked), watched.most_at_once) == (16, 1)


def test_a_flood_from_one_address_waits_behind_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    kept, known = keeper(romm_login_attempts=0), account(hash_password("secret"))
    watched = Watched(monkeypatch)

    async def guess_at_once() -> None:
        flood = [guess(f"wrong {n}", str(n), "198.51.100.9") for n in range(16)]
        await asyncio.gather(*(kept.check(each, known) for each in [*flood, guess("secret")]))

    asyncio.run(guess_at_once())
    assert len(watched.asked) == 17
    assert watched.asked.index(b"secret") <= 2


def test_a_flood_at_once_gets_no_more_looks_than_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, known = keeper(romm_login_attempts=3), account(hash_password("secret"))
    watched = Watched(monkeypatch)

    async def flood() -> list[bool | BaseException]:
        guesses = [guess(f"wrong {number}") for number in range(32)]
        checks = (kept.check(each, known) for each in guesses)
        return await asyncio.gather(*checks, return_exceptions=True)

    outcomes = asyncio.run(flood())
    assert outcomes.count(False) == len(watched.asked) == 3
    assert sum(isinstance(outcome, TooMany) for outcome in outcomes) == 29
