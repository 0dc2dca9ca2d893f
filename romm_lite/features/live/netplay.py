"""Rooms for playing together: who is in them, and what players pass to each other there."""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from romm_lite.features.live.seats import Seat
from romm_lite.features.live.sockets import Handler, Sockets
from romm_lite.kernel.scopes import Scope
from romm_lite.wire.live import RoomRequest

log = logging.getLogger(__name__)

INVALID = "Invalid data: sessionId and playerId required"
MOST_ROOMS = 500
MOST_PLAYERS = 16
DEFAULT_PLAYERS = 4
WORDS = ("data-message", "snapshot", "input")
"""What a player's emulator says to all others in the room."""


@dataclass
class Player:
    """A player as others are told of them."""

    sid: str
    user_id: int | None
    name: str
    userid: str | None
    player_id: str | None

    def describe(self) -> dict[str, Any]:
        return {
            "socketId": self.sid,
            "player_name": self.name,
            "userid": self.userid,
            "playerId": self.player_id,
        }


@dataclass
class Room:
    """A game some people play; players in the order they came. The first owner opened it."""

    session_id: str
    owner: str
    name: str
    game_id: str
    domain: str | None
    password: bytes | None
    places: int
    players: dict[str, Player] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        return f"netplay:{self.session_id}"

    def describe_players(self) -> dict[str, Any]:
        return {key: player.describe() for key, player in self.players.items()}

    def describe(self) -> dict[str, Any]:
        owners = (each.name for each in self.players.values() if each.sid == self.owner)
        return {
            "room_name": self.name,
            "current": len(self.players),
            "max": self.places,
            "player_name": next(owners, "Unknown"),
            "hasPassword": self.password is not None,
        }


class Netplay:
    """All rooms of this server; a socket is in one of them at most."""

    def __init__(self) -> None:
        self.sockets = Sockets(self._decide, self._handlers(), left=self._leave)
        self._rooms: dict[str, Room] = {}
        self._where: dict[str, Room] = {}
        """The room a socket is in."""

    def find(self, game_id: str) -> dict[str, dict[str, Any]]:
        """The rooms for a game with a place left; from any thread."""
        return {
            room.session_id: room.describe()
            for room in list(self._rooms.values())
            if room.game_id == game_id and len(room.players) < room.places
        }

    async def clean_up(self) -> None:
        """Let go of players whose sockets are gone, and of rooms that were theirs alone."""
        for sid in [sid for sid in self._where if sid not in self.sockets.seats]:
            await self._remove(sid)

    def _handlers(self) -> Mapping[str, Handler]:
        return {
            "open-room": self._open,
            "join-room": self._join,
            "leave-room": self._leave,
            "webrtc-signal": self._signal,
            "webrtc-signal-error": self._ignore,
            **{word: self._pass_on(word) for word in WORDS},
        }

    async def _decide(self, seat: Seat) -> frozenset[str] | None:
        """Whoever may read assets may play, visitors of a kiosk too."""
        return frozenset() if Scope.ASSETS_READ in seat.user.scopes else None

    async def _open(self, seat: Seat, *data: Any) -> Any:
        request = _read(data)
        if request is None:
            return INVALID
        extra = request.extra
        if extra.sessionid in self._rooms:
            return "Room already exists"
        await self._remove(seat.sid)
        if len(self._rooms) >= MOST_ROOMS:
            return "There are too many rooms"
        room = Room(
            session_id=extra.sessionid,
            owner=seat.sid,
            name=extra.room_name or f"Room {extra.sessionid}",
            game_id=extra.game_id or "default",
            domain=extra.domain,
            password=_hash(extra.room_password or request.password),
            places=_read_places(request.maxPlayers),
        )
        self._rooms[room.session_id] = room
        await self._enter(seat, room, request)
        return ()

    async def _join(self, seat: Seat, *data: Any) -> Any:
        request = _read(data)
        if request is None:
            return INVALID
        room = self._rooms.get(request.extra.sessionid)
        if room is None:
            return "Room not found"
        if not _is_password(room, request.extra.room_password or request.password):
            return "Incorrect password"
        same = room.players.get(_key(request))
        if same is not None and same.sid != seat.sid:
            if same.user_id != seat.user.user_id:
                return "Another player has this id"
            await self._remove(same.sid, but=room)
        if same is None and len(room.players) >= room.places and self._where.get(seat.sid) != room:
            return "Room is full"
        if self._where.get(seat.sid) is not None:
            await self._remove(seat.sid, but=room)
        await self._enter(seat, room, request)
        return None, room.describe_players()

    async def _enter(self, seat: Seat, room: Room, request: RoomRequest) -> None:
        key, extra = _key(request), request.extra
        name = extra.player_name or f"Player {key}"
        room.players[key] = Player(
            seat.sid, seat.user.user_id, name, extra.userid or None, extra.playerId or None
        )
        self._where[seat.sid] = room
        if room.owner not in {player.sid for player in room.players.values()}:
            room.owner = seat.sid
        await self.sockets.enter(seat, room.channel)
        await self._update(room)

    async def _leave(self, seat: Seat, *_ignored: Any) -> Any:
        await self._remove(seat.sid)
        return ()

    async def _remove(self, sid: str, *, but: Room | None = None) -> None:
        """Take a socket out of its room; the last one closes it, unless it is ``but``."""
        room = self._where.pop(sid, None)
        if room is None:
            return
        room.players = {key: each for key, each in room.players.items() if each.sid != sid}
        if not room.players and room is not but:
            self._rooms.pop(room.session_id, None)
        elif room.players and room.owner == sid:
            room.owner = next(iter(room.players.values())).sid
        await self._update(room)
        seat = self.sockets.seats.get(sid)
        if seat is not None:
            await self.sockets.leave(seat, room.channel)

    async def _update(self, room: Room) -> None:
        await self.sockets.tell("users-updated", room.describe_players(), [room.channel])

    async def _signal(self, seat: Seat, *data: Any) -> Any:
        """Pass on what two browsers need to reach each other, within a room alone."""
        given = data[0] if data and isinstance(data[0], dict) else {}
        room, target = self._where.get(seat.sid), given.get("target")
        other = self.sockets.seats.get(target) if isinstance(target, str) else None
        if room is None or other is None or self._where.get(other.sid) is not room:
            return ()
        message: dict[str, Any] = {"sender": seat.sid}
        if given.get("requestRenegotiate"):
            message["requestRenegotiate"] = True
        else:
            message |= {name: given.get(name) for name in ("candidate", "offer", "answer")}
        await self.sockets.tell_one(other, "webrtc-signal", message)
        return ()

    def _pass_on(self, word: str) -> Handler:
        async def pass_on(seat: Seat, *data: Any) -> Any:
            room = self._where.get(seat.sid)
            if room is not None:
                await self.sockets.tell(word, data, [room.channel], but=seat.sid)
            return ()

        return pass_on

    async def _ignore(self, _seat: Seat, *_data: Any) -> Any:
        return ()


def _read(data: tuple[Any, ...]) -> RoomRequest | None:
    try:
        request = RoomRequest.model_validate(data[0] if data else None)
    except ValidationError:
        return None
    return request if _key(request) else None


def _key(request: RoomRequest) -> str:
    return request.extra.userid or request.extra.playerId or ""


def _read_places(value: Any) -> int:
    try:
        places = int(value or DEFAULT_PLAYERS)
    except (TypeError, ValueError, OverflowError):
        places = DEFAULT_PLAYERS
    return max(1, min(places, MOST_PLAYERS))


def _hash(password: str | None) -> bytes | None:
    return hashlib.sha256(password.encode(errors="replace")).digest() if password else None


def _is_password(room: Room, password: str | None) -> bool:
    return room.password is None or hmac.compare_digest(room.password, _hash(password) or b"")
