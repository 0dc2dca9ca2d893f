"""What an age limit keeps from somebody reads everywhere as if it were not there."""

from collections.abc import Set as AbstractSet
from typing import Any

import pytest
from sqlalchemy import literal
from starlette.requests import Request

from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import see_platforms, see_roms
from romm_lite.kernel.scopes import Entity
from romm_lite.tables.roms import RomMetadata
from romm_lite.web.static import ASK, FOREVER, Audience, Folder

from .conftest import Home, ids
from .walk import Shelves, expect

RATINGS = (["E"], ["T", "18"], ["RP"], None)
"""Of ``alpha`` to ``delta``: 6 years, 18, none that says an age, and no facts at all."""
ALL = {"alpha", "bravo", "charlie", "delta"}
FIT = {"alpha", "charlie", "delta"}
"""What a limit of 12 leaves."""
RATED_FIT = {"alpha"}


@pytest.fixture
def every_shelves(every_home: Home) -> Shelves:
    return Shelves(every_home, RATINGS)


@pytest.fixture
def shelves(home: Home) -> Shelves:
    return Shelves(home, RATINGS)


def seen_by(shelves: Shelves, user: str = "ann") -> set[str]:
    """What is in the list of somebody who asks for it again and again."""
    answer = shelves.home.client(user).get("/api/roms")
    return {shelves.names[each] for each in ids(answer)}


@pytest.mark.parametrize("through_group", [True, False])
def test_what_is_for_older_people_is_found_by_nothing(
    every_shelves: Shelves, through_group: bool
) -> None:
    every_shelves.home.limit(None if through_group else "ann", max_age=12)
    expect(every_shelves, "ann", FIT)
    expect(every_shelves, "root", ALL)


def test_what_nobody_rated_is_found_by_nothing_if_the_limit_says_so(
    every_shelves: Shelves,
) -> None:
    every_shelves.home.limit("ann", max_age=12, hide_unrated=True)
    expect(every_shelves, "ann", RATED_FIT)


@pytest.mark.parametrize("hide_unrated", [True, False])
def test_an_exceptional_rom_is_seen_whatever_its_rating(
    every_shelves: Shelves, hide_unrated: bool
) -> None:
    every_shelves.home.limit("ann", max_age=12, hide_unrated=hide_unrated)
    for name in ("bravo", "charlie"):
        every_shelves.home.spare(Entity.ROMS, every_shelves.roms[name])
    expect(every_shelves, "ann", ALL - {"delta"} if hide_unrated else ALL)


@pytest.mark.parametrize("hide_unrated", [True, False])
def test_roms_of_an_exceptional_platform_are_seen_whatever_their_rating(
    every_shelves: Shelves, hide_unrated: bool
) -> None:
    every_shelves.home.limit("ann", max_age=3, hide_unrated=hide_unrated)
    every_shelves.home.spare(Entity.PLATFORMS, every_shelves.platforms[0], None)
    expect(every_shelves, "ann", {"alpha", "bravo"} if hide_unrated else ALL)


def test_exceptions_of_others_change_nothing(shelves: Shelves) -> None:
    shelves.home.limit("ann", max_age=12)
    shelves.home.spare(Entity.ROMS, shelves.roms["bravo"], "bob")
    shelves.home.spare(Entity.PLATFORMS, shelves.platforms[0], "root")
    assert seen_by(shelves) == FIT


def test_what_is_hidden_stays_so_though_it_is_an_exception(shelves: Shelves) -> None:
    shelves.home.limit("ann", max_age=12)
    for name in ("alpha", "bravo"):
        shelves.home.hide(Entity.ROMS, shelves.roms[name])
        shelves.home.spare(Entity.ROMS, shelves.roms[name])
    expect(shelves, "ann", FIT - {"alpha"})


@pytest.mark.parametrize(
    ("max_age", "seen"),
    [(0, FIT - {"alpha"}), (5, FIT - {"alpha"}), (6, FIT), (17, FIT), (18, ALL), (99, ALL)],
)
def test_a_limit_lets_through_what_is_for_that_age(
    shelves: Shelves, max_age: int, seen: AbstractSet[str]
) -> None:
    shelves.home.limit(max_age=max_age)
    assert seen_by(shelves) == seen


def test_the_limit_of_a_user_lifts_that_of_the_group(shelves: Shelves) -> None:
    shelves.home.limit(None, max_age=3, hide_unrated=True)
    shelves.home.limit("ann", max_age=99, hide_unrated=False)
    assert seen_by(shelves) == ALL
    assert seen_by(shelves, "bob") == set()


def test_a_platform_without_anything_for_that_age_stays(shelves: Shelves) -> None:
    shelves.home.limit("ann", max_age=3, hide_unrated=True)
    client = shelves.home.client()
    for platform in shelves.platforms:
        found = client.get(f"/api/platforms/{platform}").json()
        assert (found["rom_count"], found["fs_size_bytes"]) == (0, 0)
    assert {each["id"] for each in client.get("/api/platforms").json()} == set(shelves.platforms)
    assert sorted(client.get("/api/platforms/identifiers").json()) == sorted(shelves.platforms)
    assert client.get("/api/roms/random").json() is None


def test_refusals_read_as_for_what_is_not_there(shelves: Shelves) -> None:
    shelves.home.limit(max_age=12)
    client, adult, absent = shelves.home.client(), shelves.roms["bravo"], 9999
    for path in ("/api/roms/{}", "/api/roms/{}/simple", "/api/roms/{}/content/x"):
        answers = [client.get(path.format(each)) for each in (adult, absent)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace(f"'{adult}'", f"'{absent}'") == answers[1].text


def test_a_new_rating_holds_at_once(shelves: Shelves) -> None:
    shelves.home.limit(max_age=12)
    assert seen_by(shelves) == FIT
    delta = shelves.roms["delta"]
    shelves.home.add(RomMetadata(rom_id=delta, age_ratings=["AO"], minimum_age=18))
    assert seen_by(shelves) == FIT - {"delta"}


def test_a_changed_limit_holds_at_once(shelves: Shelves) -> None:
    """The library does not change meanwhile: what is kept of it was made under another limit."""
    changes: list[tuple[dict[str, Any], AbstractSet[str]]] = [
        ({"max_age": 12}, FIT),
        ({"max_age": 12, "hide_unrated": True}, RATED_FIT),
        ({"max_age": 18, "hide_unrated": True}, {"alpha", "bravo"}),
        ({"max_age": None, "hide_unrated": True}, ALL),
        ({"max_age": 12, "hide_unrated": False}, FIT),
    ]
    for values, wanted in changes:
        shelves.home.limit(**values)
        assert seen_by(shelves) == wanted
    shelves.home.spare(Entity.ROMS, shelves.roms["bravo"])
    assert seen_by(shelves) == ALL


def test_who_sees_all_has_no_conditions(shelves: Shelves) -> None:
    home = shelves.home
    home.limit(max_age=12)
    home.hide(Entity.ROMS, shelves.roms["alpha"])
    for name in ("root", "bob"):
        user = home.identify(name)
        assert user.sees_all
        assert [*see_roms(user), *see_platforms(user, literal(1))] == []


def test_what_is_kept_for_one_limit_is_not_shown_under_another(shelves: Shelves) -> None:
    home = shelves.home
    keys = set()
    for max_age, hide_unrated in ((None, None), (12, None), (13, None), (12, True)):
        home.limit(max_age=max_age, hide_unrated=hide_unrated)
        with home.database.read() as session:
            keys.add(View.open(session, home.library, home.identify("ann")).key)
    assert len(keys) == 4


# Artwork


def find_audience(shelves: Shelves, user: str | None, name: str) -> Audience:
    platform = next(each for each in shelves.platforms if name in shelves.on(each))
    return ask_for(shelves.home, user, f"roms/{platform}/{shelves.roms[name]}/cover/big.png")


def ask_for(home: Home, user: str | None, path: str) -> Audience:
    return home.library.find_audience(Request({"type": "http", "user": home.identify(user)}), path)


def test_artwork_beyond_anybodys_limit_is_not_for_strangers(every_shelves: Shelves) -> None:
    users = (None, "ann", "bob", "root")
    assert find_audience(every_shelves, None, "bravo") == Audience.EVERYBODY
    every_shelves.home.limit("ann", max_age=12)
    assert [find_audience(every_shelves, user, "bravo") for user in users] == [
        *(Audience.NOBODY, Audience.NOBODY, Audience.SOME, Audience.SOME),
    ]
    for name in FIT:
        found = {find_audience(every_shelves, user, name) for user in users}
        assert found == {Audience.EVERYBODY}


def test_artwork_of_what_nobody_rated(every_shelves: Shelves) -> None:
    every_shelves.home.limit(None, max_age=12)
    every_shelves.home.limit("ann", hide_unrated=True)
    for name in ("charlie", "delta"):
        assert find_audience(every_shelves, None, name) == Audience.NOBODY
        assert find_audience(every_shelves, "ann", name) == Audience.NOBODY
        assert find_audience(every_shelves, "bob", name) == Audience.SOME
    assert find_audience(every_shelves, None, "alpha") == Audience.EVERYBODY


def test_a_limit_of_a_group_counts_without_members_and_of_administrators_never(
    shelves: Shelves,
) -> None:
    shelves.home.limit("root", max_age=12)
    assert find_audience(shelves, None, "bravo") == Audience.EVERYBODY
    shelves.home.limit(None, max_age=12)
    for name in ("ann", "bob"):
        shelves.home.limit(name, max_age=99)
    assert find_audience(shelves, None, "bravo") == Audience.NOBODY
    assert find_audience(shelves, "ann", "bravo") == Audience.SOME


def test_artwork_that_is_an_exception_for_all_with_a_limit_is_for_everybody(
    every_shelves: Shelves,
) -> None:
    every_shelves.home.limit("ann", max_age=12)
    every_shelves.home.spare(Entity.ROMS, every_shelves.roms["bravo"])
    assert find_audience(every_shelves, None, "bravo") == Audience.EVERYBODY
    every_shelves.home.limit("bob", max_age=12)
    assert find_audience(every_shelves, None, "bravo") == Audience.NOBODY
    assert find_audience(every_shelves, "ann", "bravo") == Audience.SOME
    every_shelves.home.spare(Entity.PLATFORMS, every_shelves.platforms[0], None)
    assert find_audience(every_shelves, None, "bravo") == Audience.EVERYBODY


def test_artwork_that_is_not_for_all_is_kept_by_nobody_in_between(shelves: Shelves) -> None:
    home = shelves.home
    home.limit("ann", max_age=12)
    resources = Folder(home.settings.places.resources, audience=home.library.find_audience)
    kept = {}
    for name, platform in (("alpha", shelves.platforms[0]), ("bravo", shelves.platforms[0])):
        path = f"roms/{platform}/{shelves.roms[name]}/cover/big.png"
        (home.settings.places.resources / path).parent.mkdir(parents=True)
        (home.settings.places.resources / path).write_bytes(b"picture")
        for user in (None, "ann", "bob"):
            answer = home.client(user, otherwise=resources).get(f"/{path}?ts=1")
            kept[name, user] = answer.headers.get("cache-control", answer.status_code)
    assert kept == {
        **dict.fromkeys([("alpha", user) for user in (None, "ann", "bob")], FOREVER),
        ("bravo", None): 404,
        ("bravo", "ann"): 404,
        ("bravo", "bob"): ASK,
    }


@pytest.mark.parametrize(
    "path",
    ["", "roms", "roms/1", "roms/1/x.png", "roms/²/1/x.png", f"roms/1/{2**31}/x"],
)
def test_what_is_no_artwork_of_a_rom_is_for_everybody(every_home: Home, path: str) -> None:
    every_home.limit(None, max_age=3, hide_unrated=True)
    assert ask_for(every_home, None, path) == Audience.EVERYBODY


def test_artwork_of_what_lies_in_the_trash_is_for_those_without_a_limit(
    every_shelves: Shelves,
) -> None:
    path = f"roms/{every_shelves.platforms[0]}/9999/cover/big.png"
    users = (None, "ann", "bob", "root")
    for hide_unrated in (False, True):
        every_shelves.home.limit("ann", max_age=99, hide_unrated=hide_unrated)
        found = [ask_for(every_shelves.home, user, path) for user in users]
        assert found == [Audience.NOBODY, Audience.NOBODY, Audience.SOME, Audience.SOME]


def test_artwork_beside_the_roms_of_a_hidden_platform(shelves: Shelves) -> None:
    shelves.home.hide(Entity.PLATFORMS, shelves.platforms[0])
    path = f"roms/{shelves.platforms[0]}/logo.png"
    users = (None, "ann", "bob", "root")
    assert [ask_for(shelves.home, user, path) for user in users] == [
        *(Audience.NOBODY, Audience.NOBODY, Audience.SOME, Audience.SOME),
    ]
