"""Codes that bring a token to a device."""

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import segno
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from romm_lite.features.accounts.pairing import ALPHABET, NO_ADDRESS
from romm_lite.tables.devices import CLIENT_TOKENS
from romm_lite.tables.system import ENTRIES
from romm_lite.tables.users import USERS
from tests.features.accounts.conftest import Build, Clock, House, bearer, csrf
from tests.features.accounts.test_client_tokens import PATH, PROBE, hold, make, sign_in

UNKNOWN_CODE = {"detail": "Invalid or expired pairing code"}


def pair(client: TestClient, token: dict[str, Any]) -> dict[str, Any]:
    """A code for a token."""
    answer = client.post(f"{PATH}/{token['id']}/pair")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def exchange(house: House, code: str) -> tuple[int, Any]:
    answer = house.client().post(f"{PATH}/exchange", json={"code": code})
    return answer.status_code, answer.json()


def ask_status(house: House, code: str) -> tuple[int, Any]:
    answer = house.client().get(f"{PATH}/pair/{code}/status")
    return answer.status_code, answer.json()


def draw(client: TestClient, code: str) -> Any:
    return client.get(f"{PATH}/pair/{code}/qr.svg")


def test_a_code_is_short_and_cannot_be_misread(house: House) -> None:
    client = sign_in(house)
    offered = pair(client, make(client))
    assert re.fullmatch(f"[{ALPHABET}]{{8}}", offered["code"])
    assert offered["expires_in"] == 60
    assert not set("ILO01") & set(ALPHABET)


def test_a_code_gives_the_token_a_new_secret(every_house: House) -> None:
    client = sign_in(every_house)
    token = make(client, expires_in="90d")
    status, got = exchange(every_house, pair(client, token)["code"])
    assert status == 200
    assert re.fullmatch(r"rmm_[0-9a-f]{64}", got["raw_token"])
    assert {**got, "raw_token": ""} == {**token, "raw_token": ""}
    assert hold(every_house, got).get(PROBE).status_code == 200
    assert hold(every_house, token).get(PROBE).status_code == 401


def test_a_code_works_once(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    assert exchange(house, code)[0] == 200
    assert exchange(house, code) == (404, UNKNOWN_CODE)


def test_a_code_may_be_typed_in_small_letters_with_dashes(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"].lower()
    typed = f"{code[:4]}-{code[4:]}"
    assert ask_status(house, typed) == (200, None)
    assert exchange(house, typed)[0] == 200


def test_the_status_tells_when_a_code_was_used(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    assert ask_status(house, code) == (200, None)
    exchange(house, code)
    assert ask_status(house, code) == (404, {"detail": "Not Found"})
    assert ask_status(house, "WHATEVER") == (404, {"detail": "Not Found"})


def test_a_code_ends_after_a_minute(house: House, clock: Clock) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    clock.ahead += 55
    assert ask_status(house, code)[0] == 200
    clock.ahead += 7
    assert ask_status(house, code)[0] == 404
    assert exchange(house, code) == (404, UNKNOWN_CODE)


def test_two_who_exchange_a_code_get_one_token(every_house: House) -> None:
    client = sign_in(every_house)
    code = pair(client, make(client))["code"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: exchange(every_house, code), range(2)))
    assert sorted(status for status, _ in answers) == [200, 404]


@pytest.mark.parametrize("code", ["", " ", "-", "ABCD234", "ABCD23456", "ÄÖÜß", "x" * 5000])
def test_a_wrong_code_opens_nothing(house: House, code: str) -> None:
    assert exchange(house, code) == (404, UNKNOWN_CODE)


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": 5}, {"code": "a\0"}, [], "ABCD2345"])
def test_what_is_no_code_is_refused(house: House, body: Any) -> None:
    assert house.client().post(f"{PATH}/exchange", json=body).status_code == 422


def test_the_code_of_a_disabled_user_is_forbidden(house: House) -> None:
    client = sign_in(house)
    token = make(client)
    code = pair(client, token)["code"]
    house.accounts.set_enabled(token["user_id"], False)
    assert exchange(house, code) == (403, {"detail": "Token owner is disabled"})


def test_the_code_of_a_deleted_token_says_so(house: House) -> None:
    client = sign_in(house)
    token = make(client)
    code = pair(client, token)["code"]
    client.delete(f"{PATH}/{token['id']}")
    assert exchange(house, code) == (404, {"detail": "Token no longer exists"})


def test_the_code_of_a_deleted_user_says_so_too(every_house: House) -> None:
    client = sign_in(every_house)
    token = make(client)
    code = pair(client, token)["code"]
    with every_house.database.write() as session:
        session.execute(delete(CLIENT_TOKENS))
        session.execute(delete(USERS).where(USERS.c.id == token["user_id"]))
    assert exchange(every_house, code) == (404, {"detail": "Token no longer exists"})


def test_the_sixth_attempt_in_a_minute_is_refused_whatever_the_code(house: House) -> None:
    client = sign_in(house)
    codes = ["WRONG234"] * 5 + [pair(client, make(client))["code"]]
    answers = [house.client().post(f"{PATH}/exchange", json={"code": code}) for code in codes]
    assert [answer.status_code for answer in answers] == [404] * 5 + [429]
    assert answers[-1].json() == {"detail": "Too many exchange attempts. Try again later."}
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    elsewhere = house.client(("192.0.2.8", 1)).post(f"{PATH}/exchange", json={"code": codes[-1]})
    assert elsewhere.status_code == 200


def test_guessing_by_the_status_is_limited(house: House) -> None:
    client = house.client()
    answers = [client.get(f"{PATH}/pair/WRONG234/status").status_code for _ in range(121)]
    assert answers == [404] * 120 + [429]


def test_a_code_is_kept_as_a_hash(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    with house.database.read() as session:
        (row,) = session.execute(select(ENTRIES)).mappings()
    assert row["key"] == "pair:" + hashlib.sha256(code.encode()).hexdigest()
    assert code not in row["value"]


def test_exchanging_needs_no_csrf_token_and_no_login(house: House) -> None:
    page = house.login()
    token = page.post(PATH, json={"name": "x", "scopes": ["me.read"]}, headers=csrf(page)).json()
    code = page.post(f"{PATH}/{token['id']}/pair", headers=csrf(page)).json()["code"]
    answer = page.post(f"{PATH}/exchange", json={"code": code}, headers=bearer("nonsense"))
    assert answer.status_code == 200


def test_the_picture_has_the_address_and_the_code(house: House) -> None:
    client = sign_in(house)
    offered = pair(client, make(client))
    link = f"http://romm.example/pair?code={offered['code']}"
    assert (offered["address"], offered["link"]) == ("http://romm.example", link)
    answer = draw(client, offered["code"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    drawn = io.BytesIO()
    segno.make_qr(link, error="m").save(drawn, kind="svg", omitsize=True, light="white")
    assert answer.content == drawn.getvalue()


def test_the_picture_is_the_same_however_the_code_is_typed(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    assert draw(client, code.lower()).content == draw(client, code).content


def test_the_link_follows_the_settings(build: Build) -> None:
    house = build(romm_base_url="https://games.example", romm_root_path="romm")
    house.add("ann")
    client = sign_in(house)
    offered = pair(client, make(client))
    assert offered["link"] == f"https://games.example/romm/pair?code={offered['code']}"


def test_without_an_address_for_others_there_is_a_code_but_no_picture(build: Build) -> None:
    house = build(romm_host="127.0.0.1")
    house.add("ann")
    client = sign_in(house)
    token = make(client)
    answer = client.post(f"{PATH}/{token['id']}/pair", headers={"Host": "localhost:8080"})
    offered = answer.json()
    assert (offered["address"], offered["link"]) == (None, None)
    picture = draw(client, offered["code"])
    assert (picture.status_code, picture.json()) == (404, {"detail": NO_ADDRESS})


def test_the_picture_is_for_the_owner_while_the_code_is_good(house: House) -> None:
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    assert draw(sign_in(house, "root"), code).status_code == 404
    assert draw(house.client(), code).status_code == 401
    exchange(house, code)
    assert draw(client, code).status_code == 404


def test_visitors_see_no_picture(build: Build) -> None:
    house = build(kiosk_mode=True)
    house.add("ann")
    client = sign_in(house)
    code = pair(client, make(client))["code"]
    assert draw(house.client(), code).status_code == 404
