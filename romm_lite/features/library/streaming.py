"""Games played in emulator containers, whose picture comes to the browser.

Who plays where is an entry named by the container's broker; it ends six hours after the last
command. The containers are those of config.yml's ``streaming``.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import Row, select

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.broker import (
    CONTROL_SECONDS,
    LAUNCH_SECONDS,
    LOAD_SECONDS,
    Broker,
    BrokerFailed,
)
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import see_roms
from romm_lite.kernel.errors import (
    BadGateway,
    Conflict,
    Forbidden,
    NotFound,
    Unavailable,
    UnprocessableText,
)
from romm_lite.kernel.times import now
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.wire.streaming import (
    StreamingCapabilities,
    StreamingConfig,
    StreamingContainer,
    StreamingSession,
)

log = logging.getLogger(__name__)

OWNER = "streaming"
LIFE = 6 * 3600
DRAINING = 5
"""Seconds that a container which was told to save and end, without waiting, is not to be had."""
BROKER_PORT = 8000
WITH_SEVEN = StreamingCapabilities(max_slots=7, has_autosave=True, autosave_slot=8)
WITH_NINE = StreamingCapabilities(max_slots=9, has_autosave=True, autosave_slot=10)
WITHOUT = StreamingCapabilities(max_slots=0, has_autosave=False, autosave_slot=None)
CAPABILITIES: Mapping[str, StreamingCapabilities] = {
    **dict.fromkeys(("ngc", "wii", "wiiu"), WITH_SEVEN),
    **dict.fromkeys(("ps2", "xbox"), WITH_NINE),
}
"""The state slots of a platform's emulator."""


class Container(NamedTuple):
    """An emulator container for a platform."""

    platform: str
    host: str
    label: str
    broker: Broker

    @property
    def capabilities(self) -> StreamingCapabilities:
        return CAPABILITIES.get(self.platform, WITHOUT)

    @property
    def key(self) -> str:
        """Of the entry of its session: containers with one broker are one."""
        return f"{OWNER}:{self.broker.url}"

    def check_slot(self, slot: int, *, autosave: bool) -> None:
        known = self.capabilities
        if slot > known.max_slots and not (autosave and slot == known.autosave_slot):
            raise UnprocessableText(f"Slot {slot} is not available for platform '{self.platform}'")


class Streaming:
    """The containers of a library and who plays in them."""

    def __init__(self, library: Library, entries: Entries) -> None:
        self._library = library
        self._entries = entries

    def describe(self) -> StreamingConfig:
        """What pages may know of the containers."""
        config = self._library.config.read()
        containers = [
            StreamingContainer(
                platform=each.platform,
                host=each.host,
                label=each.label,
                capabilities=each.capabilities,
            )
            for each in self._list_containers()
        ]
        return StreamingConfig(enabled=config.streaming_enabled, containers=containers)

    def claim(self, user: Identity, rom_id: int) -> StreamingSession:
        """Start a game in the container of its platform.

        NotFound without game or container, Conflict while somebody plays there, BadGateway or
        Unavailable as the broker fails: then nobody plays there.
        """
        rom = self._find_rom(user, rom_id)
        container = self._find(rom.platform_slug, rom.fs_slug)
        session = {
            "user_id": user.user_id,
            "rom_name": rom.name or rom.fs_name,
            "claimed_at": now().isoformat(),
            "draining": False,
        }
        if not self._entries.add(container.key, session, LIFE, OWNER):
            held = self._entries.get(container.key) or session
            told = {name: held[name] for name in ("rom_name", "claimed_at")}
            raise Conflict({"message": "Session in use", **told})
        try:
            self._launch(container, rom)
        except BaseException:
            self._entries.drop(container.key)
            raise
        return StreamingSession(
            platform=container.platform,
            host=container.host,
            label=container.label,
            rom_name=session["rom_name"],
            claimed_at=session["claimed_at"],
        )

    def save_and_exit(self, user: Identity, platform: str, slot: int, *, wait: bool) -> bool:
        """Have the state saved and the game ended; whether it was saved, as far as is known.

        If the broker fails the game goes on, so that nothing played is lost.
        """
        container = self._find(platform)
        container.check_slot(slot, autosave=True)
        session = self._find_session(user, container)
        seconds = CONTROL_SECONDS
        if wait:
            seconds = max(seconds, self._library.settings.streaming_save_timeout)
        body = {"slot": slot, "wait": wait}
        told = _ask(container, "/save-and-exit", body, "save and exit", seconds)
        if wait:
            self._entries.drop(container.key)
        else:
            self._entries.put(container.key, {**session, "draining": True}, DRAINING, OWNER)
        return bool(told.get("saved"))

    def set_volume(self, user: Identity, platform: str, level: int) -> None:
        self._control(user, self._find(platform), "/volume", {"level": level}, "set volume")

    def mute(self, user: Identity, platform: str, mute: bool | None) -> bool:
        """Mute or not, or the other way round if that is not said; how it is now."""
        body = {} if mute is None else {"mute": mute}
        container = self._find(platform)
        told = self._control(user, container, "/mute", body, "set mute state")
        return bool(told.get("mute", mute))

    def save_state(self, user: Identity, platform: str, slot: int) -> None:
        container = self._find(platform)
        container.check_slot(slot, autosave=False)
        self._control(user, container, "/save-state", {"slot": slot}, "save state")

    def load_state(self, user: Identity, platform: str, slot: int) -> None:
        container = self._find(platform)
        container.check_slot(slot, autosave=True)
        what = "load state"
        told = self._control(user, container, "/load-state", {"slot": slot}, what, LOAD_SECONDS)
        if not told.get("loaded", True):
            raise BadGateway(f"Broker failed to {what}")

    def release(self, user: Identity, platform: str) -> bool:
        """End a game without saving; False if none was played."""
        container = self._find(platform)
        if self._entries.get(container.key) is None:
            return False
        self._find_session(user, container, draining=True)
        self._end(container)
        return True

    def release_all(self, user: Identity) -> int:
        """End all games; how many there were. For administrators."""
        _check_admin(user)
        sessions = self._entries.list_owner(OWNER)
        containers = {each.key: each for each in self._list_containers()}
        for owned in sessions:
            if owned.key in containers:
                self._end(containers[owned.key])
            self._entries.drop(owned.key)
        return len(sessions)

    def list_sessions(self, user: Identity) -> dict[str, dict[str, Any]]:
        """Who plays, by the address of the broker. For administrators."""
        _check_admin(user)
        names = ("rom_name", "claimed_at", "user_id")
        return {
            owned.key.removeprefix(f"{OWNER}:"): {name: owned.value[name] for name in names}
            for owned in self._entries.list_owner(OWNER)
            if not owned.value["draining"]
        }

    def _list_containers(self) -> Iterator[Container]:
        """The containers of config.yml that have a platform and the address of a host."""
        config = self._library.config.read()
        if not config.streaming_enabled:
            return
        secret = self._library.settings.streaming_broker_secret
        for each in config.streaming_containers:
            platform, host = str(each.get("platform") or ""), str(each.get("host") or "")
            address = _find_broker(host, str(each.get("broker_host") or ""))
            if platform and address:
                broker = Broker(address, secret or str(each.get("broker_secret") or ""))
                label = str(each.get("label") or platform.upper())
                yield Container(platform, host, label, broker)

    def _find(self, *platforms: str) -> Container:
        for container in self._list_containers():
            if container.platform in platforms:
                return container
        raise NotFound(f"No streaming container configured for platform '{platforms[0]}'")

    def _find_session(
        self, user: Identity, container: Container, *, draining: bool = False
    ) -> dict[str, Any]:
        """The session of a container, if this user may command it."""
        session = self._entries.get(container.key)
        if session is None or (session["draining"] and not draining):
            raise NotFound(f"No active session for platform '{container.platform}'")
        if session["user_id"] != user.user_id and not user.is_admin:
            raise Forbidden("Session is claimed by another user")
        return session

    def _find_rom(self, user: Identity, rom_id: int) -> Row[Any]:
        columns = (ROMS.c.name, ROMS.c.fs_name, ROMS.c.fs_path, PLATFORMS.c.fs_slug)
        query = (
            select(*columns, PLATFORMS.c.slug.label("platform_slug"))
            .join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
            .where(ROMS.c.id == rom_id, *see_roms(user, few=True))
        )
        with self._library.database.read() as session:
            rom = session.execute(query).first()
        if rom is None:
            raise NotFound("ROM not found")
        return rom

    def _launch(self, container: Container, rom: Row[Any]) -> None:
        path = self._library.layout().absolute(f"{rom.fs_path}/{rom.fs_name}")
        body = {"rom_path": str(path), "rom_name": rom.name or rom.fs_name}
        try:
            container.broker.ask("POST", "/launch", body, seconds=LAUNCH_SECONDS)
        except BrokerFailed as error:
            if error.status:
                raise BadGateway(f"Broker returned {error.status}: {error}") from error
            log.warning("The broker of %s cannot be reached: %s", container.platform, error)
            raise Unavailable("The streaming broker cannot be reached. Is it running?") from error

    def _control(
        self,
        user: Identity,
        container: Container,
        path: str,
        body: Mapping[str, Any],
        what: str,
        seconds: float = CONTROL_SECONDS,
    ) -> dict[str, Any]:
        """Send a command to a game that is played, which goes on for another six hours."""
        self._find_session(user, container)
        self._entries.touch(container.key, LIFE)
        return _ask(container, path, body, what, seconds)

    def _end(self, container: Container) -> None:
        """End whatever runs there; a container that is gone is free as well."""
        try:
            container.broker.ask("DELETE", "/launch")
        except BrokerFailed as error:
            log.warning("The broker of %s did not end its game: %s", container.platform, error)
        self._entries.drop(container.key)


def _ask(
    container: Container, path: str, body: Mapping[str, Any], what: str, seconds: float
) -> dict[str, Any]:
    try:
        return container.broker.ask("POST", path, body, seconds=seconds)
    except BrokerFailed as error:
        log.warning("The broker of %s failed to %s: %s", container.platform, what, error)
        raise BadGateway(f"Broker failed to {what}") from error


def _check_admin(user: Identity) -> None:
    if not user.is_admin:
        raise Forbidden


def _find_broker(host: str, broker_host: str) -> str | None:
    """The address of a container's broker: as config.yml has it, else a port of the same host;
    None where that is no address."""
    try:
        address = urlsplit(broker_host or host)
        name, port = address.hostname, address.port
    except ValueError:
        return None
    if address.scheme not in ("http", "https") or not name:
        return None
    if ":" in name:
        name = f"[{name}]"
    if not broker_host:
        return f"{address.scheme}://{name}:{BROKER_PORT}"
    return f"{address.scheme}://{name}{f':{port}' if port else ''}{address.path.rstrip('/')}"
