"""Which user somebody is who comes from the provider, and what they may do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from romm_lite.features.accounts.oidc_accounts import admit, unlink
from romm_lite.features.accounts.oidc_claims import Granted, OidcRefused, Person
from romm_lite.features.accounts.permissions import LEGACY_GROUPS
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.events import Bus, RightsChanged
from romm_lite.kernel.scopes import Role
from romm_lite.tables.permissions import PERMISSION_GROUPS, PermissionGroup
from romm_lite.tables.users import USER_IDENTITIES, USERS
from tests.features.accounts.conftest import Build, House, know_provider
from tests.features.accounts.idp import ISSUER, SETTINGS, Idp

ZOE = Person(
    issuer=ISSUER,
    subject="sub-of-zoe",
    email="zoe@example.com",
    is_email_verified=True,
    username="zoe",
    granted=None,
)


@pytest.fixture
def house(build: Build) -> House:
    return know_provider(build)


def as_(granted: Granted | None) -> Person:
    return replace(ZOE, granted=granted)


def user(house: House, username: str = "zoe") -> dict[str, Any]:
    with house.database.read() as session:
        query = select(USERS).where(USERS.c.username == username)
        return dict(session.execute(query).mappings().one())


def group(house: House, word: str) -> int | None:
    with house.database.read() as session:
        named = PERMISSION_GROUPS.c.name == LEGACY_GROUPS[word]
        return session.scalar(select(PERMISSION_GROUPS.c.id).where(named))


def count(house: House, table: Any = USERS) -> int:
    with house.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def refusal(house: House, person: Person) -> tuple[str, int, str]:
    """Why somebody may not come in; nothing was changed by it."""
    before = count(house), count(house, USER_IDENTITIES)
    with pytest.raises(OidcRefused) as refused:
        admit(house.accounts, person)
    assert (count(house), count(house, USER_IDENTITIES)) == before
    return refused.value.why, refused.value.status, refused.value.detail


# Who it is


def test_somebody_new_gets_an_account_without_a_password(house: House) -> None:
    admit(house.accounts, ZOE)
    made = user(house)
    assert (made["email"], made["role"], made["enabled"]) == ("zoe@example.com", "user", True)
    assert made["hashed_password"] is None
    assert made["permission_group_id"] is None
    for password in ("", "None", "null"):
        answer = house.client().post("/api/login", auth=("zoe", password))
        assert answer.status_code == 401


def test_people_are_known_by_their_subject_on_every_database(every_build: Build) -> None:
    house = know_provider(every_build)
    first = admit(house.accounts, ZOE)
    again = admit(house.accounts, replace(ZOE, email="new@example.com", username="moss"))
    assert again.id == first.id
    assert user(house)["email"] == "zoe@example.com"
    other = admit(house.accounts, replace(ZOE, subject="SUB-OF-ZOE", email="big@example.com"))
    assert other.username == "zoe-2"
    changed = admit(house.accounts, as_("editor"))
    assert (changed.id, changed.group_id) == (first.id, group(house, "editor"))
    assert admit(house.accounts, as_("admin")).role == Role.ADMIN


def test_another_issuer_knows_other_people(house: House) -> None:
    first = admit(house.accounts, ZOE)
    elsewhere = replace(ZOE, issuer="https://other.example", email="z@other.example")
    assert admit(house.accounts, elsewhere).id != first.id


def test_a_new_owner_of_an_old_address_does_not_get_the_account(house: House) -> None:
    admit(house.accounts, ZOE)
    why, status, _ = refusal(house, replace(ZOE, subject="sub-of-somebody-else"))
    assert (why, status) == ("oidc-email-taken", 403)


def test_a_verified_address_links_to_the_user_who_has_it(house: House) -> None:
    user_id = house.add("ann", email="zoe@example.com")
    assert admit(house.accounts, ZOE).id == user_id
    assert house.login("ann").get("/api/users/me").status_code == 200


def test_an_address_that_nobody_vouches_for_links_to_nobody(house: House) -> None:
    house.add("ann", email="zoe@example.com")
    why, status, _ = refusal(house, replace(ZOE, is_email_verified=False))
    assert (why, status) == ("oidc-email-taken", 403)


def test_it_is_enough_for_an_account_of_its_own(house: House) -> None:
    assert admit(house.accounts, replace(ZOE, is_email_verified=False)).username == "zoe"


@pytest.mark.parametrize("email", ["zoë@example.com", "zoe", "a@b.c\0", f"{'x' * 255}@example.com"])
def test_an_address_that_is_none_is_refused(house: House, email: str) -> None:
    why, status, _ = refusal(house, replace(ZOE, email=email))
    assert (why, status) == ("oidc-no-email", 400)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("Zoë.Å", "zoe-a"),
        ("zoe moss", "zoe-moss"),
        ("Under_Score-7", "under_score-7"),
        ("zoe@example.com", "zoe"),
        ("@zoe", "zoe"),
        ("jo", "user-jo"),
        ("张伟", "user"),
        ("ROOT", "root-2"),
        ("x" * 400, "x" * 240),
        ("a\0b\ud800c", "a-b-c"),
    ],
)
def test_a_name_is_made_one_of_ours(house: House, wanted: str, name: str) -> None:
    assert admit(house.accounts, replace(ZOE, username=wanted)).username == name


def test_names_that_are_taken_get_a_number(house: House) -> None:
    for number in range(4):
        email = f"zoe{number}@example.com"
        admit(house.accounts, replace(ZOE, subject=f"sub-{number}", email=email))
    names = {found["username"] for found in house.accounts.list_users()}
    assert names == {"root", "zoe", "zoe-2", "zoe-3", "zoe-4"}


def test_two_first_logins_at_once_make_one_account(every_build: Build) -> None:
    house = know_provider(every_build)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(partial(admit, house.accounts), [ZOE] * 4))
    assert len({account.id for account in found}) == 1
    assert count(house, USER_IDENTITIES) == 1


def test_nobody_new_comes_in_where_that_is_switched_off(build: Build) -> None:
    house = know_provider(build, oidc_allow_registration=False)
    said = "User registration is disabled. Please contact an administrator to create an account."
    assert refusal(house, ZOE) == ("oidc-no-registration", 403, said)
    house.add("ann", email="zoe@example.com")
    assert admit(house.accounts, ZOE).username == "ann"


def test_somebody_disabled_is_refused_and_not_linked(house: House) -> None:
    house.add("ann", email="zoe@example.com", enabled=False)
    assert refusal(house, ZOE) == ("oidc-disabled", 401, "Disabled user")


def test_disabling_holds_against_the_provider(house: House) -> None:
    account = admit(house.accounts, as_("admin"))
    house.accounts.set_enabled(account.id, False)
    assert refusal(house, as_("admin"))[0] == "oidc-disabled"


# The first account


def test_without_an_administrator_nobody_else_comes_in(build: Build) -> None:
    house = build(**SETTINGS)
    assert refusal(house, ZOE)[:2] == ("oidc-no-admin", 403)
    assert refusal(house, as_("editor"))[:2] == ("oidc-no-admin", 403)


def test_the_provider_can_name_the_first_administrator(build: Build) -> None:
    house = build(**SETTINGS)
    assert house.accounts.prepare_setup()
    assert admit(house.accounts, as_("admin")).role == Role.ADMIN
    assert not house.settings.places.setup_token.exists()
    assert house.accounts.prepare_setup() is None


# What they may do


@pytest.mark.parametrize("word", ["viewer", "editor"])
def test_a_role_brings_its_group(house: House, word: Granted) -> None:
    account = admit(house.accounts, as_(word))
    assert (account.role, account.group_id) == (Role.USER, group(house, word))


def test_a_changed_role_ends_what_was_given_out_before(house: House, bus: Bus) -> None:
    told: list[RightsChanged] = []
    bus.subscribe(RightsChanged, told.append)
    before = admit(house.accounts, as_("admin"))
    tokens = house.accounts.tokens.issue(before, ["roms.read"])
    assert told == []
    after = admit(house.accounts, as_("viewer"))
    assert (after.role, after.group_id) == (Role.USER, group(house, "viewer"))
    assert after.epoch == before.epoch + 1
    assert told == [RightsChanged((after.id,))]
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert house.client().post("/api/token", data=form).status_code == 401


def test_old_sessions_end_with_it_and_the_new_one_stays(build: Build, idp: Idp) -> None:
    roles = {"oidc_claim_roles": "groups", "oidc_role_admin": "a", "oidc_role_viewer": "v"}
    house = know_provider(build, **roles)
    old, new = house.client(), house.client()
    idp.log_in(old, groups=["a"])
    idp.log_in(new, groups=["v"])
    assert old.get("/api/users/me").status_code == 401
    assert new.get("/api/users/me").json()["role"] == "user"


def test_the_same_role_again_changes_nothing(house: House, bus: Bus) -> None:
    told: list[RightsChanged] = []
    bus.subscribe(RightsChanged, told.append)
    assert admit(house.accounts, as_("editor")) == admit(house.accounts, as_("editor"))
    assert told == []


def test_another_group_of_the_two_ends_no_session(house: House, bus: Bus) -> None:
    told: list[RightsChanged] = []
    bus.subscribe(RightsChanged, told.append)
    before = admit(house.accounts, as_("viewer"))
    after = admit(house.accounts, as_("editor"))
    assert (after.group_id, after.epoch) == (group(house, "editor"), before.epoch)
    assert told == [RightsChanged((after.id,))]


def test_a_group_that_was_chosen_here_stays(house: House) -> None:
    account = admit(house.accounts, as_("viewer"))
    with house.database.write() as session:
        kids = PermissionGroup(name="Kids", description="")
        session.add(kids)
        session.flush()
        session.execute(
            USERS.update().where(USERS.c.id == account.id).values(permission_group_id=kids.id)
        )
    assert admit(house.accounts, as_("editor")).group_id == kids.id


def test_a_provider_that_says_nothing_of_roles_changes_none(house: House) -> None:
    admit(house.accounts, as_("admin"))
    assert admit(house.accounts, as_(None)).role == Role.ADMIN


def test_the_last_administrator_stays_one(build: Build) -> None:
    house = build(**SETTINGS)
    before = admit(house.accounts, as_("admin"))
    after = admit(house.accounts, as_("viewer"))
    assert (after.role, after.epoch) == (Role.ADMIN, before.epoch)


def test_a_linked_administrator_by_password_is_subject_to_roles_too(house: House) -> None:
    house.add("ann", Role.ADMIN, email="zoe@example.com")
    assert admit(house.accounts, as_("viewer")).role == Role.USER


# Forgetting


def test_unlinking_ends_the_session_and_frees_the_account(house: House, idp: Idp) -> None:
    client = house.client()
    idp.log_in(client)
    user_id = user(house)["id"]
    assert unlink(house.accounts, user_id)
    assert client.get("/api/users/me").status_code == 401
    assert not unlink(house.accounts, user_id)
    assert admit(house.accounts, replace(ZOE, subject="a new one")).id == user_id
    with pytest.raises(NotFound):
        unlink(house.accounts, user_id + 100)


def test_who_logs_in_is_marked_and_has_a_device(house: House, idp: Idp) -> None:
    client = house.client(agent="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    assert idp.log_in(client).status_code == 307
    me = client.get("/api/users/me").json()
    assert me["current_device_id"]
    assert me["last_login"]
