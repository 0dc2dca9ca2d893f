"""Which id tokens are believed."""

import base64
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
import respx
from hypothesis import strategies as st
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet, OctKey

from romm_lite.features.accounts.oidc_answers import Answer, Metadata, check_id_token
from romm_lite.features.accounts.oidc_claims import OidcRefused
from tests.features.accounts.idp import ISSUER, SECRET, Idp, new_key

NONCE = "the nonce of this login"
METADATA = Metadata(
    issuer=ISSUER,
    authorization_endpoint=f"{ISSUER}/auth",
    token_endpoint=f"{ISSUER}/token",
    jwks_uri=f"{ISSUER}/keys",
    id_token_signing_alg_values_supported=["ES256", "HS256", "none"],
)


@dataclass(frozen=True)
class In:
    """A moment so many seconds from when the test runs."""

    seconds: int


def timed(bent: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {name: now + v.seconds if isinstance(v, In) else v for name, v in bent.items()}


def check(idp: Idp, token: str) -> Mapping[str, Any]:
    answer = Answer(id_token=token, access_token="an access token")
    return check_id_token(answer, KeySet([idp.key]), METADATA, NONCE, "romm")


def is_refused(idp: Idp, token: str) -> bool:
    with pytest.raises((OidcRefused, InvalidKeyIdError)):
        check(idp, token)
    return True


@pytest.mark.parametrize(
    "bent",
    [
        {},
        {"aud": ["romm"]},
        {"aud": ["romm", "other"], "azp": "romm"},
        {"azp": "romm"},
        {"exp": In(-30)},
        {"iat": In(30)},
    ],
)
def test_a_good_token_is_believed(idp: Idp, bent: dict[str, Any]) -> None:
    idp.nonce, idp.token = NONCE, timed(bent)
    assert check(idp, idp.sign(idp.key))["sub"] == "sub-of-zoe"


@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": None},
        {"nonce": "of another login"},
        {"iss": None},
        {"iss": "https://evil.example"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": {"romm": 1}},
        {"aud": ["romm", "other"]},
        {"aud": ["romm", "other"], "azp": "other"},
        {"azp": "other"},
        {"exp": None},
        {"exp": In(-120)},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": None},
        {"iat": In(3600)},
        {"nbf": In(3600)},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"sub": "zo\u00eb"},
        {"at_hash": "of another token"},
    ],
    ids=str,
)
def test_a_token_for_somebody_or_something_else_is_refused(idp: Idp, bent: dict[str, Any]) -> None:
    idp.nonce, idp.token = NONCE, timed(bent)
    assert is_refused(idp, idp.sign(idp.key))


def unsign(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{header}.{token.split('.')[1]}."


def change(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = json.dumps({**claims, "sub": "root"}).encode()
    return f"{header}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}.{signature}"


FORGED: dict[str, Callable[[Idp], str]] = {
    "by another key": lambda idp: idp.sign(new_key("first")),
    "by a key that is not known": lambda idp: idp.sign(new_key("x"), kid="x"),
    "by our own secret": lambda idp: idp.sign(OctKey.import_key(SECRET * 2)),
    "by the public key as a secret": lambda idp: idp.sign(
        OctKey.import_key(json.dumps(idp.key.as_dict(private=False)))
    ),
    "by nobody": lambda idp: unsign(idp.sign(idp.key)),
    "changed": lambda idp: change(idp.sign(idp.key)),
    "cut off": lambda idp: idp.sign(idp.key)[:-4],
    "two parts": lambda _: "a.b",
    "empty": lambda _: "",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(idp: Idp, forge: Callable[[Idp], str]) -> None:
    idp.nonce = NONCE
    assert is_refused(idp, forge(idp))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "amr", "at_hash", "auth_time")
KEY = new_key("first")


@hypothesis.settings(deadline=None)
@hypothesis.given(token=st.text())
def test_no_token_makes_the_program_fail(token: str) -> None:
    assert is_refused(Idp(respx.MockRouter(), key=KEY), token)


@hypothesis.settings(deadline=None)
@hypothesis.given(bent=st.dictionaries(st.sampled_from(CLAIMS), ANY_JSON))
def test_no_claims_make_the_program_fail(bent: dict[str, Any]) -> None:
    idp = Idp(respx.MockRouter(), key=KEY, token=bent, nonce=NONCE)
    with contextlib.suppress(OidcRefused):
        assert check(idp, idp.sign(KEY))["iss"] == ISSUER
