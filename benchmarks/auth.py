"""What it costs to be let in: each kind of credential, and good ones while others send wrong ones.

The credentials take turns, request by request, so that their ratio is one of the same moment. A
flood comes from one address, which is soon refused without a look at the password, or from as many
as there are requests, each of which is looked at; then the clients that have been let in are
measured, and one that comes anew.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import measure
from benchmarks.client import ask
from benchmarks.measure import Report, at_least, at_most, median, percentiles, say
from benchmarks.server import NAME, PASSWORD, SCOPES, Server, make_data, serve
from romm_lite.app import open_accounts
from romm_lite.kernel.settings import Settings
from romm_lite.tables.devices import ClientToken
from romm_lite.wire.users import UserCreate

ROMS = 10_000
SMALLER = 20
COUNT = 2000
WARMING = 20
PATHS = ("/api/users/me", "/api/platforms")
ENDLESS = 10**9
FLOOD_SECONDS = 15.0
FLOOD_AT_ONCE = 16
SENDERS = 20_000
NEWCOMERS = [f"new{number}" for number in range(4)]

Headers = Mapping[str, str]


def basic(name: str, password: str) -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def add_token(database: Path) -> str:
    """A client token of the administrator, as pairing gives it."""
    raw = "rmm_" + secrets.token_hex(32)
    hashed = hashlib.sha256(raw.encode()).hexdigest()
    token = ClientToken(user_id=1, name="benchmark", hashed_token=hashed, scopes=SCOPES)
    with measure.open_file(database) as opened, opened.write() as session:
        session.add(token)
    return raw


def open_session(server: Server) -> Headers:
    answer = httpx.post(f"http://127.0.0.1:{server.port}/api/login", auth=(NAME, PASSWORD))
    answer.raise_for_status()
    return {"Cookie": f"romm_session={answer.cookies['romm_session']}"}


def measure_each(port: int, credentials: Mapping[str, Headers], count: int) -> dict[str, Any]:
    """Milliseconds by path and credential, and how many times a bearer token's that is."""
    figures: dict[str, Any] = {}
    senders, kinds = list(credentials.values()), len(credentials)
    for path in PATHS:
        ask(port, [path], {}, senders=senders, count=kinds * WARMING)
        times = ask(port, [path], {}, senders=senders, count=kinds * count)["times"]
        found = {name: times[number::kinds] for number, name in enumerate(credentials)}
        figures[path] = {
            name: {
                **percentiles(ours),
                "times_bearer": round(median(ours) / median(found["bearer"]), 2),
            }
            for name, ours in found.items()
        }
        say(f"{path}: {figures[path]}")
    return figures


def make_floods() -> dict[str, list[Headers]]:
    """Who sends wrong passwords: the headers of one request after another."""
    places = [f"10.{n // 62_500}.{n // 250 % 250}.{n % 250}" for n in range(SENDERS)]
    wrong = basic(NAME, "wrong")
    return {
        "one_address": [{**wrong, "X-Forwarded-For": "203.0.113.9"}],
        "many_addresses": [{**wrong, "X-Forwarded-For": place} for place in places],
        "many_addresses_and_names": [
            {**basic(f"user{n}", "wrong"), "X-Forwarded-For": place}
            for n, place in enumerate(places)
        ],
    }


@contextmanager
def flood(port: int, senders: Sequence[Headers]) -> Iterator[dict[str, Any]]:
    """Wrong passwords while the block runs; afterwards, how many were answered a second."""
    seen: dict[str, Any] = {}
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(
            ask, port, PATHS[:1], {}, senders=senders, statuses=(401, 429),
            at_once=FLOOD_AT_ONCE, count=ENDLESS, seconds=FLOOD_SECONDS,
        )  # fmt: skip
        time.sleep(1)  # until it has begun
        yield seen
        done = coming.result()
    seen["wrong_passwords_per_s"] = round(len(done["times"]) / done["seconds"], 1)


def measure_good(port: int, credentials: Mapping[str, Headers], newcomer: str) -> dict[str, Any]:
    """What somebody gets who logs in anew, and then clients that were let in before."""
    figures: dict[str, Any] = {"login_ms": round(log_in(port, newcomer))}
    for name in ("basic", "bearer"):
        done = ask(port, PATHS[:1], credentials[name], count=ENDLESS, seconds=2)
        figures[name] = {
            **percentiles(done["times"]),
            "requests_per_s": round(len(done["times"]) / done["seconds"], 1),
        }
    return figures


def log_in(port: int, name: str) -> float:
    """Milliseconds for a password that was not seen before, from an address of its own."""
    sender = {"X-Forwarded-For": f"192.0.2.{NEWCOMERS.index(name)}"}
    form = {"username": name, "password": PASSWORD}
    began = time.perf_counter()
    url = f"http://127.0.0.1:{port}/api/token"
    httpx.post(url, data=form, headers=sender, timeout=60).raise_for_status()
    return (time.perf_counter() - began) * 1000


def measure_floods(port: int, credentials: Mapping[str, Headers]) -> dict[str, Any]:
    newcomers = iter(NEWCOMERS)
    figures = {"without": measure_good(port, credentials, next(newcomers))}
    for name, senders in make_floods().items():
        with flood(port, senders) as seen:
            good = measure_good(port, credentials, next(newcomers))
        figures[name] = {**good, **seen}
        say(f"{name}: {figures[name]}")
    return figures


def add_newcomers(data: Path) -> None:
    with open_accounts(Settings(romm_base_path=data)) as accounts:
        for name in NEWCOMERS:
            new = UserCreate(username=name, email="", password=PASSWORD, role="user")
            accounts.create_user(new)


def main() -> None:
    share = SMALLER if measure.wants_small() else 1
    with measure.temporary_folder() as folder:
        say(f"making {ROMS // share} ROMs …")
        database = make_data(folder / "data", ROMS // share)
        add_newcomers(folder / "data")
        token = add_token(database)
        # The server reads it from where it is started.
        (folder / ".env").write_text("ROMM_TRUSTED_PROXIES=127.0.0.1\n")
        with serve(folder / "data") as server:
            credentials = {
                "bearer": server.sign_in(),
                "basic": basic(NAME, PASSWORD),
                "client_token": {"Authorization": f"Bearer {token}"},
                "session": open_session(server),
            }
            each = measure_each(server.port, credentials, COUNT // share)
            floods = measure_floods(server.port, credentials)
        machine = measure.describe_machine(database)
    rates = {name: found["basic"]["requests_per_s"] for name, found in floods.items()}
    kept = round(min(rates.values()) / rates["without"], 2)
    Report(
        "auth",
        machine,
        {"roms": ROMS // share, "paths": each, "floods": floods},
        {
            **{
                f"basic_beside_bearer {path}": at_most(found["basic"]["times_bearer"], 1.5, "times")
                for path, found in each.items()
            },
            "requests_kept_in_a_flood": at_least(kept, 0.2, "of those without"),
        },
    ).print()


if __name__ == "__main__":
    main()
