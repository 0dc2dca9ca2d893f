"""Whom a provider's claims are about."""

from pathlib import Path
from typing import Any, get_args

import pytest

from romm_lite.features.accounts.oidc_claims import (
    OidcRefused,
    Person,
    Why,
    find_claim,
    lacks_claims,
    merge,
    read_person,
)
from romm_lite.kernel.settings import Settings
from tests.features.accounts.idp import ISSUER, person

ROLES: dict[str, Any] = {
    "oidc_claim_roles": "roles",
    "oidc_role_admin": "admin",
    "oidc_role_editor": "editor",
    "oidc_role_viewer": "viewer",
}


def read(bent: dict[str, Any], *, tells_verified: bool = False, **settings: Any) -> Person:
    claims = {name: v for name, v in {**person("zoe"), **bent}.items() if v is not None}
    values = Settings.model_validate(settings)
    return read_person(claims, ISSUER, values, tells_verified=tells_verified)


def refusal(bent: dict[str, Any], **options: Any) -> tuple[int, str]:
    with pytest.raises(OidcRefused) as refused:
        read(bent, **options)
    return refused.value.status, refused.value.detail


def test_a_person_is_who_the_issuer_says() -> None:
    found = read({"email": " Zoe@Example.com "})
    assert (found.issuer, found.subject) == (ISSUER, "sub-of-zoe")
    assert (found.email, found.is_email_verified) == ("zoe@example.com", True)
    assert (found.username, found.granted) == ("zoe", None)


@pytest.mark.parametrize("email", [None, "", "  ", 7, ["zoe@example.com"]])
def test_without_an_address_nobody_comes_in(email: Any) -> None:
    assert refusal({"email": email}) == (400, "Email is missing from token.")


@pytest.mark.parametrize("verified", [False, "false", 0, 1, "yes", []])
def test_an_address_that_is_said_not_to_be_verified_is_refused(verified: Any) -> None:
    assert refusal({"email_verified": verified}) == (400, "Email is not verified.")


@pytest.mark.parametrize("verified", [True, "true"])
def test_verified_is_true_in_either_writing(verified: Any) -> None:
    assert read({"email_verified": verified}, tells_verified=True).is_email_verified


def test_silence_is_refused_where_the_provider_says_that_it_tells() -> None:
    assert not read({"email_verified": None}).is_email_verified
    told = refusal({"email_verified": None}, tells_verified=True)
    assert told == (400, "Email is not verified.")


@pytest.mark.parametrize("name", [None, "", " ", 7])
def test_without_a_username_nobody_comes_in(name: Any) -> None:
    refused = (400, "'preferred_username' attribute is missing from token.")
    assert refusal({"preferred_username": name}) == refused


def test_the_username_may_be_another_claim() -> None:
    settings: dict[str, Any] = {"oidc_username_attribute": "profile.nick"}
    assert read({"profile": {"nick": "moss"}}, **settings).username == "moss"
    refused = (400, "'profile.nick' attribute is missing from token.")
    assert refusal({"profile": {}}, **settings) == refused


@pytest.mark.parametrize(
    ("roles", "granted"),
    [
        ("admin", "admin"),
        (["editor", "admin"], "admin"),
        (["viewer", "editor"], "editor"),
        (["viewer", 7, None, {}], "viewer"),
        ({"editor": {"org": "home"}}, "editor"),
        (None, None),
    ],
)
def test_the_highest_role_counts(roles: Any, granted: str | None) -> None:
    assert read({"roles": roles}, **ROLES).granted == granted


@pytest.mark.parametrize(
    "roles", ["not-administrator", "admin editor", ["administrator"], [], "", 7, {}, ["Admin"]]
)
def test_a_role_is_one_by_its_whole_name(roles: Any) -> None:
    detail = "User has not been granted any roles for this application."
    assert refusal({"roles": roles}, **ROLES) == (403, detail)


def test_everybody_may_be_a_viewer() -> None:
    anybody: dict[str, Any] = {**ROLES, "oidc_role_viewer": "*"}
    assert read({"roles": ["whatever"]}, **anybody).granted == "viewer"
    assert read({"roles": []}, **anybody).granted == "viewer"
    assert read({"roles": ["editor"]}, **anybody).granted == "editor"


def test_a_role_that_is_not_configured_is_nobodys() -> None:
    detail = "User has not been granted any roles for this application."
    assert refusal({"roles": ["admin", "None"]}, oidc_claim_roles="roles") == (403, detail)


def test_dots_lead_into_objects_unless_a_claim_has_them_in_its_name() -> None:
    claims = {"realm_access": {"roles": ["a"]}, "https://romm.example/roles": ["b"]}
    assert find_claim(claims, "realm_access.roles") == ["a"]
    assert find_claim(claims, "https://romm.example/roles") == ["b"]
    assert find_claim(claims, "realm_access.roles.a") is None
    assert find_claim(claims, "nothing.here") is None


def test_only_what_is_missing_is_worth_a_question() -> None:
    settings = Settings.model_validate(ROLES)
    whole = {**person("zoe"), "roles": []}
    assert not lacks_claims(whole, settings)
    for name in ("email", "email_verified", "preferred_username", "roles"):
        assert lacks_claims({k: v for k, v in whole.items() if k != name}, settings)


def test_an_address_is_as_verified_as_whoever_gave_it_says() -> None:
    token = {"sub": "1", "email": "old@example.com", "email_verified": True}
    assert merge(token, {"email": "new@example.com"}) == {"sub": "1", "email": "new@example.com"}
    assert merge(token, {"roles": []}) == {**token, "roles": []}


def test_every_refusal_is_explained_in_the_documents() -> None:
    page = Path(__file__).parents[3] / "docs" / "oidc.md"
    text = page.read_text(encoding="utf-8")
    assert [why for why in get_args(Why) if f"`{why}`" not in text] == []
