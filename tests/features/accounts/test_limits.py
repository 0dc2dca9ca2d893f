"""How often somebody may try."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from romm_lite.features.accounts import limits
from romm_lite.features.accounts.limits import (
    DEVICE_INIT,
    DEVICE_TOKEN,
    EXCHANGE,
    Limit,
    Limits,
    address_of,
)
from romm_lite.features.accounts.passwords import Passwords
from romm_lite.kernel.errors import TooMany
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.settings import Settings
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer

PROBE = "/api/probe"
HERE, THERE = "192.0.2.1", "192.0.2.2"
TOO_MANY = {"detail": "Too many wrong passwords. Try again later."}


@dataclass
class Clock:
    """Stands still but for ``pass_on``."""

    seconds: float = 5.0

    def __call__(self) -> float:
        return self.seconds

    def pass_on(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


Make = Callable[..., Limits]


@pytest.fixture
def make(clock: Clock) -> Make:
    def build(**values: Any) -> Limits:
        return Limits(Settings(**values), clock)

    return build


def wait_of(limits: Limits, limit: Limit, *keys: str) -> int | None:
    """Seconds to wait after this attempt, None if it counts."""
    return wait(lambda: limits.spend(limit, *keys))


def wait(attempt: Callable[[], None]) -> int | None:
    try:
        attempt()
    except TooMany as refusal:
        return int(refusal.headers["Retry-After"])
    return None


def test_so_many_attempts_are_free_and_the_next_is_told_how_long_to_wait(
    make: Make, clock: Clock
) -> None:
    kept = make()
    assert [wait_of(kept, DEVICE_INIT, HERE) for _ in range(10)] == [None] * 10
    clock.pass_on(20.5)
    with pytest.raises(TooMany) as caught:
        kept.spend(DEVICE_INIT, HERE)
    assert caught.value.detail == "Too many authorize attempts. Try again later."
    assert caught.value.headers == {"Retry-After": "40"}


def test_attempts_of_others_do_not_count(make: Make) -> None:
    kept = make()
    for _ in range(10):
        kept.spend(DEVICE_INIT, HERE)
    assert wait_of(kept, DEVICE_INIT, THERE) is None
    assert wait_of(kept, DEVICE_TOKEN, HERE) is None
    assert wait_of(kept, DEVICE_INIT, HERE, "more") is None


def test_a_minute_begins_with_the_first_attempt(make: Make, clock: Clock) -> None:
    kept = make()
    for _ in range(120):  # a device that polls every five seconds goes on for ten minutes
        kept.spend(DEVICE_TOKEN, HERE)
        clock.pass_on(5)


def test_every_exchange_extends_the_minute_even_a_refused_one(make: Make, clock: Clock) -> None:
    kept = make()
    for _ in range(5):
        kept.spend(EXCHANGE, HERE)
        clock.pass_on(50)
    assert wait_of(kept, EXCHANGE, HERE) == 60
    clock.pass_on(50)
    assert wait_of(kept, EXCHANGE, HERE) == 60
    clock.pass_on(60)
    assert wait_of(kept, EXCHANGE, HERE) is None


def test_rates_can_be_switched_off(make: Make) -> None:
    kept = make(romm_rate_limits=False)
    assert {wait_of(kept, EXCHANGE, HERE) for _ in range(20)} == {None}
    assert guess_until_refused(kept) == 10


def test_threads_together_get_no_more(make: Make) -> None:
    kept = make()
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: wait_of(kept, DEVICE_TOKEN, HERE), range(200)))
    assert waits.count(None) == 60


def count_kept(kept: Limits) -> int:
    assert kept._guesses is not None
    guesses = kept._guesses
    brakes = (guesses.of_pair, guesses.of_address, guesses.of_name)
    counts = [*kept._counts.values(), *(brake.counts for brake in brakes), guesses.known]
    return max(len(each) for each in counts)


def test_made_up_names_and_addresses_do_not_fill_the_memory(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KEPT_MOST", 50)
    kept = make()
    for number in range(200):
        kept.spend(EXCHANGE, str(number))
        kept.note_guess(f"{number}" * 10_000, str(number), good=number % 2 == 0)
    assert count_kept(kept) == 50


def test_a_name_that_is_only_asked_about_is_not_kept(make: Make) -> None:
    kept = make()
    for number in range(20):
        kept.check_guess(str(number), HERE)
    assert count_kept(kept) == 0


def guess(kept: Limits, name: str = "ann", address: str = HERE) -> int | None:
    """A wrong password, if it is looked at; else the seconds to wait."""
    pause = wait(lambda: kept.check_guess(name, address))
    if pause is None:
        kept.note_guess(name, address, good=False)
    return pause


def guess_until_refused(kept: Limits, name: str = "ann", address: str = HERE) -> int:
    """How many wrong passwords were looked at."""
    return next(number for number in range(1000) if guess(kept, name, address) is not None)


def pauses_of(kept: Limits, clock: Clock, addresses: Iterable[str]) -> list[int]:
    """Seconds that somebody waits who tries again each time as soon as it is possible."""
    pauses = []
    for address in addresses:
        pause = guess(kept, "ann", address)
        assert pause is not None
        pauses.append(pause)
        clock.pass_on(pause)
        assert guess(kept, "ann", address) is None
    return pauses


def test_pauses_double_from_the_last_free_password_on(make: Make, clock: Clock) -> None:
    kept = make(romm_login_attempts=3)
    assert guess_until_refused(kept) == 3
    assert pauses_of(kept, clock, [HERE] * 4) == [1, 2, 4, 8]
    assert max(pauses_of(kept, clock, [HERE] * 100)) == 60


def test_who_goes_on_for_a_day_gets_about_one_look_a_minute(make: Make, clock: Clock) -> None:
    kept = make()
    end, looks = clock() + 24 * 3600, 0
    while clock() < end:
        pause = guess(kept)
        looks += pause is None
        clock.pass_on(pause or 0.01)
    assert 1000 < looks < 1500


def test_what_is_refused_makes_the_pause_no_longer(make: Make, clock: Clock) -> None:
    kept = make(romm_login_attempts=3)
    guess_until_refused(kept)
    for _ in range(100):
        guess(kept)
    clock.pass_on(1)
    assert guess(kept) is None


def test_the_name_counts_in_any_case(make: Make) -> None:
    kept = make()
    guess_until_refused(kept, "ann")
    assert guess(kept, "ANN") is not None


def test_who_guesses_locks_nobody_out_elsewhere(make: Make) -> None:
    kept = make()
    guess_until_refused(kept, "ann", HERE)
    assert wait(lambda: kept.check_guess("ann", THERE)) is None
    assert wait(lambda: kept.check_guess("bob", HERE)) is None


def test_many_names_from_one_address_are_one_attack(make: Make, clock: Clock) -> None:
    kept = make()
    assert [guess(kept, str(number)) for number in range(50)] == [None] * 50
    assert guess(kept, "new") == 1
    assert guess(kept, "new", THERE) is None
    clock.pass_on(1)
    assert guess(kept, "new") is None
    assert guess(kept, "newer") == 2


def test_many_addresses_are_slowed_down_but_never_for_long(make: Make, clock: Clock) -> None:
    kept = make()
    assert [guess(kept, "ann", str(number)) for number in range(100)] == [None] * 100
    pauses = pauses_of(kept, clock, map(str, range(100, 200)))
    assert pauses[0] == 1
    assert 5 <= max(pauses) <= 10
    assert guess(kept, "bob") is None


def test_who_logged_in_from_here_before_does_not_suffer_from_guesses_elsewhere(
    make: Make,
) -> None:
    kept = make()
    kept.note_guess("ann", HERE, good=True)
    for number in range(150):
        kept.note_guess("ann", str(number), good=False)
    assert wait(lambda: kept.check_guess("ann", THERE)) is not None
    assert wait(lambda: kept.check_guess("ann", HERE)) is None
    assert guess_until_refused(kept, "ann", HERE) == 10


def test_a_good_password_clears_the_account_there_but_not_the_address(make: Make) -> None:
    kept = make()
    for _ in range(5):
        for _ in range(9):
            assert guess(kept) is None
        kept.note_guess("ann", HERE, good=True)
    assert guess_until_refused(kept) == 5
    assert guess(kept, "bob") is not None
    assert guess(kept, "bob", THERE) is None


def test_mistakes_are_forgiven_one_after_the_other(make: Make, clock: Clock) -> None:
    kept = make()
    assert guess_until_refused(kept) == 10
    clock.pass_on(5 * 60)
    assert guess_until_refused(kept) == 5
    clock.pass_on(24 * 3600)
    assert guess_until_refused(kept) == 10


def test_a_device_with_an_old_password_does_not_lock_its_neighbours_out(
    make: Make, clock: Clock
) -> None:
    kept = make()
    for _ in range(24 * 60):
        guess(kept, "handheld")
        assert wait(lambda: kept.check_guess("ann", HERE)) is None
        clock.pass_on(60)


def test_wrong_passwords_can_be_free(make: Make) -> None:
    kept = make(romm_login_attempts=0)
    assert {guess(kept) for _ in range(1000)} == {None}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        (None, ""),
    ],
)
def test_an_address_is_what_one_customer_has(host: str | None, address: str) -> None:
    client = None if host is None else (host, 1)
    assert address_of(HTTPConnection({"type": "http", "client": client})) == address


@pytest.fixture
def strict(build: Build, clock: Clock) -> House:
    """An installation with ann and root where two wrong passwords are free, at a moment that
    stands still."""
    house = build(romm_login_attempts=2)
    limits = Limits(house.settings, clock)
    house.accounts = replace(house.accounts, limits=limits, passwords=Passwords(limits))
    house.add("root", Role.ADMIN)
    house.add("ann")
    return house


def log_in(client: TestClient, password: str, name: str = "ann") -> int:
    return client.post("/api/login", auth=(name, password)).status_code


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_login_is_refused_after_too_many_wrong_passwords(strict: House, name: str) -> None:
    client = strict.client()
    assert [log_in(client, "wrong", name) for _ in range(3)] == [401, 401, 429]
    answer = client.post("/api/login", auth=(name, PASSWORD))
    assert (answer.status_code, answer.json()) == (429, TOO_MANY)
    assert answer.headers["retry-after"] == "1"
    assert "romm_session" not in client.cookies


def test_login_goes_on_after_the_pause(strict: House, clock: Clock) -> None:
    client = strict.client()
    assert [log_in(client, "wrong") for _ in range(3)] == [401, 401, 429]
    clock.pass_on(1)
    assert log_in(client, PASSWORD) == 200
    assert [log_in(client, "wrong") for _ in range(3)] == [401, 401, 429]


def test_the_real_user_comes_in_from_elsewhere(strict: House) -> None:
    attacker, owner = strict.client(("198.51.100.9", 1)), strict.client(("192.0.2.7", 1))
    for _ in range(5):
        log_in(attacker, "wrong")
    assert log_in(owner, PASSWORD) == 200


def test_neighbours_in_one_network_of_ipv6_are_one_address(strict: House) -> None:
    clients = [strict.client((f"2001:db8::{number}", 1)) for number in range(3)]
    assert [log_in(client, "wrong") for client in clients] == [401, 401, 429]
    assert log_in(strict.client(("2001:db8:0:1::1", 1)), "wrong") == 401


def test_the_token_endpoint_has_the_same_limit(strict: House) -> None:
    client = strict.client()
    form = {"username": "ann", "password": "wrong"}
    codes = [client.post("/api/token", data=form).status_code for _ in range(2)]
    assert codes == [401, 401]
    answer = client.post("/api/token", data={"username": "ann", "password": PASSWORD})
    assert (answer.status_code, answer.json()) == (429, TOO_MANY)
    assert answer.headers["retry-after"] == "1"
    assert log_in(client, PASSWORD) == 429


def test_a_password_with_every_request_has_the_same_limit(strict: House) -> None:
    client = strict.client()
    assert [client.get(PROBE, auth=("ann", "wrong")).status_code for _ in range(2)] == [401, 401]
    answer = client.get(PROBE, auth=("ann", PASSWORD))
    assert (answer.status_code, answer.json()) == (429, TOO_MANY)
    assert answer.headers["retry-after"] == "1"
    assert client.get(PROBE + "/open", auth=("ann", PASSWORD)).json() == "none"


def test_guesses_at_public_operations_count_too(strict: House) -> None:
    client = strict.client()
    for _ in range(2):
        assert client.get(PROBE + "/open", auth=("ann", "wrong")).status_code == 200
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 429


def test_a_client_whose_password_was_good_a_moment_ago_does_not_notice(strict: House) -> None:
    client = strict.client()
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 200
    for _ in range(5):
        client.get(PROBE, auth=("ann", "wrong"))
    assert client.get(PROBE, auth=("ann", "wrong")).status_code == 429
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 200


def test_any_good_password_wipes_out_the_wrong_ones_before_it(strict: House) -> None:
    client = strict.client()
    for _ in range(4):
        assert log_in(client, "wrong") == 401
        assert log_in(client, PASSWORD) == 200


def test_tokens_and_sessions_are_let_in_during_the_pause(strict: House) -> None:
    session = strict.login(client=strict.client())
    token = strict.tokens()["access_token"]
    strict.accounts.set_password(1, "something else")
    for _ in range(3):
        session.get(PROBE, auth=("root", "wrong"))
    assert session.get(PROBE, auth=("root", "something else")).status_code == 429
    assert session.get(PROBE).status_code == 200
    assert session.get(PROBE, headers=bearer(token)).status_code == 200


def test_wrong_tokens_have_no_limit(strict: House) -> None:
    client = strict.client()
    for value in ("rmm_" + "0" * 64, "a.b.c"):
        codes = {client.get(PROBE, headers=bearer(value)).status_code for _ in range(20)}
        assert codes == {401}
    assert log_in(client, PASSWORD) == 200


def test_a_refusal_is_not_made_up_for_by_the_session(strict: House) -> None:
    client = strict.login(client=strict.client())
    for _ in range(3):
        client.get(PROBE, auth=("root", "wrong"))
    assert client.get(PROBE, auth=("root", "wrong")).status_code == 429
    assert client.post(PROBE + "/open", auth=("root", "wrong")).json() == "none"


def test_a_proxy_that_is_not_named_is_mentioned_once(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    for client in (build().client(), build(romm_trusted_proxies="10.0.0.1").client()):
        for _ in range(2):
            client.get(PROBE + "/open", headers=forwarded)
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert "ROMM_TRUSTED_PROXIES" in said[0].getMessage()
