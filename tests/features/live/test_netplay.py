"""Playing together: two real clients in a room."""

import asyncio
from typing import Any

import pytest
import socketio.exceptions

from tests.features.live.conftest import NETPLAY, Ear, House, play


def extra(who: str, room: str = "r1", **more: Any) -> dict[str, Any]:
    return {"extra": {"sessionid": room, "userid": who, "player_name": who.title(), **more}}


def listed(house: House, game: str) -> Any:
    with house.http("ann") as client:
        return client.get("/api/netplay/list", params={"game_id": game}).json()


def players(ear: Ear) -> list[str]:
    last = ear.told("users-updated")[-1]
    return [each["player_name"] for each in last.values()]


async def acknowledged(ear: Ear, name: str, *data: Any) -> tuple[Any, ...]:
    """All arguments of an acknowledgement."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Any, ...]] = loop.create_future()
    await ear.client.emit(
        name, data[0] if data else None, callback=lambda *said: answer.set_result(said)
    )
    return await asyncio.wait_for(answer, 10)


def test_two_players_meet(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            opened = {**extra("ann", game_id="7", room_name="Tea"), "maxPlayers": 2}
            assert await acknowledged(ann, "open-room", opened) == ()
            assert await asyncio.to_thread(listed, house, "7") == {
                "r1": {
                    "room_name": "Tea",
                    "current": 1,
                    "max": 2,
                    "player_name": "Ann",
                    "hasPassword": False,
                }
            }
            nothing, both = await acknowledged(bob, "join-room", extra("bob"))
            assert nothing is None
            assert both == {
                "ann": {
                    "socketId": ann.client.get_sid(),
                    "player_name": "Ann",
                    "userid": "ann",
                    "playerId": None,
                },
                "bob": {
                    "socketId": bob.client.get_sid(),
                    "player_name": "Bob",
                    "userid": "bob",
                    "playerId": None,
                },
            }
            await ann.until(lambda _: players(ann) == ["Ann", "Bob"] if ann.heard else False)
            assert await asyncio.to_thread(listed, house, "7") == {}

    play(scenario())


def test_refusals_are_acknowledged(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            invalid = ("Invalid data: sessionId and playerId required",)
            for wrong in ({}, None, {"extra": {"sessionid": "x"}}, {"extra": {"userid": "x"}}):
                assert await acknowledged(ann, "open-room", wrong) == invalid
                assert await acknowledged(ann, "join-room", wrong) == invalid
            assert await acknowledged(bob, "join-room", extra("bob")) == ("Room not found",)
            opened = {**extra("ann", room_password="hush"), "maxPlayers": 1}
            assert await acknowledged(ann, "open-room", opened) == ()
            assert await acknowledged(bob, "open-room", extra("bob")) == ("Room already exists",)
            joined = extra("bob", room_password="wrong")
            assert await acknowledged(bob, "join-room", joined) == ("Incorrect password",)
            joined = extra("bob", room_password="hush")
            assert await acknowledged(bob, "join-room", joined) == ("Room is full",)
            stolen = extra("ann", room_password="hush")
            said = await acknowledged(bob, "join-room", stolen)
            assert said == ("Another player has this id",)

    play(scenario())


@pytest.mark.parametrize("word", ["data-message", "snapshot", "input"])
def test_what_a_player_says_reaches_the_others_alone(house: House, word: str) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            await acknowledged(ann, "open-room", extra("ann"))
            await acknowledged(bob, "join-room", extra("bob"))
            for said in ({"keys": [1, 2]}, b"\x00\x01"):
                assert await acknowledged(ann, word, said) == ()
            await bob.until(lambda _: len(bob.told(word)) == 2)
            assert bob.told(word) == [{"keys": [1, 2]}, b"\x00\x01"]
            assert ann.told(word) == []
            assert await acknowledged(ann, "leave-room", "ignored") == ()
            await acknowledged(ann, word, "still there?")
            await acknowledged(bob, "leave-room")
            assert len(bob.told(word)) == 2

    play(scenario())


def test_signals_pass_between_room_mates_alone(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            await acknowledged(ann, "open-room", extra("ann"))
            target = {"target": bob.client.get_sid()}
            await acknowledged(ann, "webrtc-signal", {**target, "offer": "too early"})
            await acknowledged(bob, "join-room", extra("bob"))
            await acknowledged(ann, "webrtc-signal", {**target, "offer": {"sdp": "x"}})
            await acknowledged(ann, "webrtc-signal", {**target, "requestRenegotiate": True})
            await bob.until(lambda _: len(bob.told("webrtc-signal")) == 2)
            sender = ann.client.get_sid()
            assert bob.told("webrtc-signal") == [
                {"sender": sender, "candidate": None, "offer": {"sdp": "x"}, "answer": None},
                {"sender": sender, "requestRenegotiate": True},
            ]

    play(scenario())


def test_the_room_goes_to_who_is_left_and_with_the_last(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("bob", NETPLAY) as bob:
            async with house.listen("ann", NETPLAY) as ann:
                await acknowledged(ann, "open-room", extra("ann", game_id="9"))
                await acknowledged(bob, "join-room", extra("bob"))
            await bob.until(lambda _: players(bob) == ["Bob"])
            rooms = await asyncio.to_thread(listed, house, "9")
            assert rooms["r1"]["player_name"] == "Bob"
            await acknowledged(bob, "leave-room")
            assert await asyncio.to_thread(listed, house, "9") == {}

    play(scenario())


def test_strangers_do_not_play(house: House) -> None:
    async def scenario() -> None:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with house.listen(None, NETPLAY):
                pass

    play(scenario())


@pytest.mark.parametrize(("asked", "given"), [(99, 16), ("many", 4), (None, 4)])
def test_places_are_few(house: House, asked: Any, given: int) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann:
            opened = {**extra("ann", game_id="11"), "maxPlayers": asked}
            assert await acknowledged(ann, "open-room", opened) == ()
            assert (await asyncio.to_thread(listed, house, "11"))["r1"]["max"] == given

    play(scenario())


def test_a_socket_is_in_one_room_at_most(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann:
            for room in ("r1", "r2", "r3"):
                opened = extra("ann", room, game_id="12")
                assert await acknowledged(ann, "open-room", opened) == ()
            assert list(await asyncio.to_thread(listed, house, "12")) == ["r3"]

    play(scenario())


def test_what_is_too_large_ends_the_socket_and_its_place(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            await acknowledged(ann, "open-room", extra("ann"))
            await acknowledged(bob, "join-room", extra("bob"))
            await bob.client.emit("snapshot", b"x" * 1_000_001)
            await bob.end()
            await ann.until(lambda _: players(ann) == ["Ann"])
            assert ann.told("snapshot") == []

    play(scenario())
