"""Things to ask for: those everybody may have, and those ``ann`` may not."""

import base64
import hashlib
import io
import json
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select, update

from romm_lite.features.saves.store import Asset, Store
from romm_lite.features.scan.kinds import Stats
from romm_lite.kernel.paths import user_folder
from romm_lite.kernel.scopes import ALL_SCOPES, Entity, Role
from romm_lite.kernel.times import now
from romm_lite.tables.assets import ASSET_VERSIONS, SAVES, Save, Screenshot, State
from romm_lite.tables.base import table_of
from romm_lite.tables.collections import SmartCollection
from romm_lite.tables.devices import DEVICES, ClientToken, Device, PlaySession
from romm_lite.tables.firmware import Firmware
from romm_lite.tables.music import MusicFavorite, Playlist, PlaylistTrack
from romm_lite.tables.permissions import HiddenEntity, PermissionGroup
from romm_lite.tables.rom_users import RomNote
from romm_lite.tables.roms import RomSource
from romm_lite.tables.system import ScanRun
from tests.matrix.world import SECRET, World

PROVIDERS = tuple("igdb moby ss ra launchbox hasheous tgdb flashpoint hltb".split())

ANNS_DEVICE = "a device of ann's"

EMPTY_PATCH = b"PATCHEOF"
"""An IPS patch that changes nothing."""


def add_platform(world: World, name: str = "Open") -> int:
    return world.home.platform(f"folder-{next(world.numbers)}", name=name)


def add_rom(world: World, platform: int, name: str = "Open", **values: Any) -> int:
    return world.home.rom(f"{name} {next(world.numbers)}.sfc", platform, name=name, **values)


def add_file(world: World, rom: int, name: str = "Open", content: bytes = b"moss") -> int:
    return world.home.file(rom, f"roms/snes/{name} {next(world.numbers)}.sfc", content)


def add_rom_with_file(world: World) -> int:
    rom = add_rom(world, add_platform(world))
    add_file(world, rom)
    return rom


def add_track(world: World, rom: int, name: str = "Open") -> int:
    tags = {**dict.fromkeys(("title", "artist", "album", "genre"), name), "year": 1990}
    path = f"roms/snes/{name} {next(world.numbers)}.mp3"
    return world.home.file(rom, path, b"moss", category="soundtrack", track_meta=tags)


def add_firmware(world: World, platform: int, name: str = "Open") -> int:
    file = f"{name} {next(world.numbers)}.bin"
    on_disk = world.home.settings.places.library / "bios/snes" / file
    on_disk.parent.mkdir(parents=True, exist_ok=True)
    on_disk.write_bytes(b"moss")
    row = Firmware(
        platform_id=platform,
        file_name=file,
        file_name_no_tags=file,
        file_name_no_ext=file,
        file_path="bios/snes",
    )
    return int(world.home.add(row))


def add_user(world: World, role: Role = Role.USER) -> int:
    return world.add_user(f"user-{next(world.numbers)}", role)


def add_group(world: World, name: str = "Open") -> int:
    return int(world.home.add(PermissionGroup(name=f"{name} {next(world.numbers)}")))


def add_device(world: World, user: str, name: str = "Open") -> str:
    device = str(uuid.uuid4())
    world.home.add(Device(id=device, user_id=world.home.users[user], name=name))
    return device


def add_token(world: World, user: str, name: str = "Open", **values: Any) -> tuple[int, str]:
    """Its id, and the word that its program shows."""
    word = f"rmm_{secrets.token_hex(32)}"
    row = ClientToken(
        user_id=world.home.users[user],
        name=name,
        hashed_token=hashlib.sha256(word.encode()).hexdigest(),
        **{"scopes": " ".join(ALL_SCOPES), **values},
    )
    return int(world.home.add(row)), word


def add_collection(world: World, user: str, name: str = "Open", **values: Any) -> int:
    return world.home.collect(user=user, name=f"{name} {next(world.numbers)}", **values)


def add_rule(world: World, user: str, name: str = "Open", **values: Any) -> int:
    row = {"name": f"{name} {next(world.numbers)}", **values}
    return int(world.home.add(SmartCollection(user_id=world.home.users[user], **row)))


def add_playlist(world: World, user: str, name: str, *tracks: int, **values: Any) -> int:
    row = {"name": f"{name} {next(world.numbers)}", **values}
    playlist = int(world.home.add(Playlist(user_id=world.home.users[user], **row)))
    for track in tracks:
        world.home.add(PlaylistTrack(playlist_id=playlist, rom_file_id=track))
    return playlist


def add_note(world: World, user: str, rom: int, name: str = "Open") -> int:
    title = f"{name} {next(world.numbers)}"
    return int(world.home.add(RomNote(rom_id=rom, user_id=world.home.users[user], title=title)))


def add_trash(world: World, user: str, name: str = "Open") -> int:
    """A ROM that was there, deleted by somebody who may."""
    body = {"roms": [add_rom(world, add_platform(world), name)]}
    world.ask("POST", "/api/roms/delete", world.bearer(user), json=body)
    found = world.ask("GET", "/api/trash", world.bearer(user)).json()
    return int(found["items"][0]["id"])


def add_scan(world: World) -> int:
    return int(
        world.home.add(
            ScanRun(kind="quick", status="done", stats=asdict(Stats()), started_at=now())
        )
    )


def add_task(world: World) -> str:
    """A scan by the name it has among tasks."""
    return f"scan-{add_scan(world)}"


def hide_platforms(world: World) -> Iterator[int]:
    """One that is hidden from the group ann is in."""
    platform = add_platform(world, SECRET)
    add_secret_rom(world, platform)
    add_firmware(world, platform, SECRET)
    hidden = HiddenEntity(entity=Entity.PLATFORMS, entity_id=platform, group_id=world.group)
    world.home.add(hidden)
    yield platform


def hide_roms(world: World) -> Iterator[int]:
    """One that is hidden from ann herself, one that she is too young for, and one on a platform
    that is hidden."""
    rom = add_secret_rom(world, add_platform(world))
    world.home.hide(Entity.ROMS, rom)
    yield rom
    yield add_secret_rom(world, add_platform(world), facts={"age_ratings": ["PEGI 18"]})
    for platform in hide_platforms(world):
        yield add_secret_rom(world, platform)


def add_secret_rom(world: World, platform: int, **values: Any) -> int:
    rom = add_rom(world, platform, SECRET, **values)
    add_file(world, rom, SECRET)
    add_track(world, rom, SECRET)
    return rom


def hide_files(world: World) -> Iterator[int]:
    return (add_file(world, rom, SECRET) for rom in hide_roms(world))


def hide_patches(world: World) -> Iterator[int]:
    return (add_file(world, rom, SECRET, EMPTY_PATCH) for rom in hide_roms(world))


def hide_firmware(world: World) -> Iterator[int]:
    return (add_firmware(world, platform, SECRET) for platform in hide_platforms(world))


def hide_identified(world: World) -> Iterator[int]:
    """Hidden ROMs that every provider knows, by the number of the ROM."""
    for rom in hide_roms(world):
        sources = [
            RomSource(rom_id=rom, platform_id=1, source=source, external_id=str(rom))
            for source in PROVIDERS
        ]
        world.home.add(*sources)
        yield rom


def hide_tracks(world: World) -> Iterator[int]:
    return (add_track(world, rom, SECRET) for rom in hide_roms(world))


def hide_liked_tracks(world: World) -> Iterator[int]:
    """Platforms whose tracks are favorites of everybody."""
    for platform in hide_platforms(world):
        track = add_track(world, add_rom(world, platform, SECRET), SECRET)
        for user in ("ann", "root"):
            like = MusicFavorite(user_id=world.home.users[user], rom_file_id=track)
            world.home.add(like)
        yield platform


def publish_hidden_tracks(world: World) -> Iterator[int]:
    yield add_playlist(world, "bob", "Public", *hide_tracks(world), is_public=True)


def hide_from_playlists(world: World) -> Iterator[dict[str, int]]:
    """A playlist of ann's, and a track that she may not hear to put there."""
    for track in hide_tracks(world):
        yield {"id": add_playlist(world, "ann", "Open"), "rom_file_ids": track}


def name_others_playlists(world: World) -> Iterator[int]:
    yield add_playlist(world, "bob", SECRET)


def hide_hashed(world: World) -> Iterator[str]:
    """A hash of a hidden ROM's file."""
    for rom in hide_roms(world):
        digest = f"{next(world.numbers):040x}"
        hashes = dict.fromkeys(("crc_hash", "md5_hash", "sha1_hash", "ra_hash"), digest)
        world.home.file(rom, f"roms/snes/{digest}.sfc", b"moss", **hashes)
        yield digest


def collect_hidden(world: World) -> Iterator[int]:
    """A private collection of bob's, and a public one with nothing in it that ann may see."""
    open_rom = add_rom(world, add_platform(world), SECRET)
    add_file(world, open_rom, SECRET)
    number = next(world.numbers)
    yield world.home.collect(open_rom, user="bob", name=f"{SECRET} {number}")
    yield from publish_hidden(world)


def publish_hidden(world: World) -> Iterator[int]:
    """A public collection with nothing in it that ann may see."""
    name = f"Public {next(world.numbers)}"
    yield world.home.collect(*hide_roms(world), user="bob", name=name, is_public=True)


def name_others_collections(world: World) -> Iterator[int]:
    yield add_collection(world, "bob", SECRET)


def name_others_rules(world: World) -> Iterator[int]:
    yield add_rule(world, "bob", SECRET)


def add_noted_rom(world: World, user: str, name: str = "Open") -> dict[str, int]:
    rom = add_rom(world, add_platform(world))
    return {"id": rom, "note_id": add_note(world, user, rom, name)}


def name_others_notes(world: World) -> Iterator[dict[str, int]]:
    yield add_noted_rom(world, "bob", SECRET)


def hide_noted_roms(world: World) -> Iterator[dict[str, int]]:
    """Hidden ROMs on which ann wrote a note before they were."""
    for rom in hide_roms(world):
        yield {"id": rom, "note_id": add_note(world, "ann", rom)}


def hide_from_collections(world: World) -> Iterator[dict[str, int]]:
    """A collection of ann's, and a ROM that she may not see to put there."""
    for rom in hide_roms(world):
        yield {"id": add_collection(world, "ann"), "rom_ids": rom}


def name_others_uploads(world: World) -> Iterator[str]:
    headers = {
        "x-upload-platform": str(add_platform(world)),
        "x-upload-filename": f"{SECRET} {next(world.numbers)}.sfc",
        "x-upload-total-size": "4",
        "x-upload-total-chunks": "1",
    }
    answer = world.ask("POST", "/api/roms/upload/start", {**world.bearer("bob"), **headers})
    yield answer.json()["upload_id"]


def name_others_trash(world: World) -> Iterator[int]:
    """What bob deleted; ann is not told of it, since not all of the library is shown to her."""
    yield add_trash(world, "bob", SECRET)


def name_others_files_of_roms(world: World) -> Iterator[dict[str, int]]:
    """A ROM everybody may see, with the file of one that is hidden."""
    for file in hide_files(world):
        yield {"id": add_rom_with_file(world), "file_id": file}


def name_users_to_rule(world: World) -> Iterator[int]:
    yield add_user(world)


def name_groups(world: World) -> Iterator[int]:
    yield add_group(world, SECRET)


def collect_hidden_by_rule(world: World) -> Iterator[int]:
    for kept in collect_hidden(world):
        yield add_rule(
            world, "bob", SECRET, filter_criteria={"collection_id": kept}, is_public=True
        )


def collect_hidden_by_genre(world: World) -> Iterator[str]:
    genre = f"{SECRET} {next(world.numbers)}"
    for _ in range(2):
        for rom in hide_roms(world):
            world.home.mark(rom, 1, {"genres": [genre]})
    meaning = json.dumps({"name": genre, "type": "genre"})
    yield base64.urlsafe_b64encode(meaning.encode()).decode()


def name_others_users(world: World) -> Iterator[int]:
    yield world.home.users["bob"]
    yield world.home.users["root"]


def name_administrators(world: World) -> Iterator[int]:
    yield add_user(world, Role.ADMIN)


def play_hidden(world: World) -> Iterator[int]:
    """ROMs that are hidden from ann, played by an administrator."""
    device = add_device(world, "root", SECRET)
    for rom in hide_roms(world):
        body = {"rom_id": rom, "device_id": device}
        world.ask("POST", "/api/activity/heartbeat", world.bearer("root"), json=body)
        yield rom


def name_others_devices(world: World) -> Iterator[str]:
    yield add_device(world, "bob", SECRET)


def name_others_tokens(world: World) -> Iterator[int]:
    yield add_token(world, "bob", SECRET)[0]


def name_administrators_tokens(world: World) -> Iterator[int]:
    yield add_token(world, "root", SECRET)[0]


def name_others_codes(world: World) -> Iterator[str]:
    """A code that brings a token of bob's to a device."""
    token, _ = add_token(world, "bob", SECRET)
    answer = world.ask("POST", f"/api/client-tokens/{token}/pair", world.bearer("bob"))
    yield answer.json()["code"]


def name_others_sessions(world: World) -> Iterator[str]:
    """What bob's page calls the session of bob's browser."""
    world.session("bob")
    found = world.ask("GET", "/api/users/me/sessions", world.bearer("bob")).json()
    yield found[0]["id"]


def add_save(
    world: World,
    user: str,
    rom: int,
    name: str = "Open",
    table: type[Save | State | Screenshot] = Save,
) -> int:
    """A save, or such a thing, that a user keeps of a ROM, with its content and version."""
    row = table(
        rom_id=rom,
        user_id=world.home.users[user],
        file_name=f"{name} {next(world.numbers)}.srm",
        file_name_no_tags=name,
        file_name_no_ext=name,
        file_extension="srm",
        file_path="saves",
    )
    save = int(world.home.add(row))
    store = Store(world.home.settings, world.home.database)
    with store.stage(io.BytesIO(name.encode())) as staged, store.database.write() as session:
        store.put(session, staged)
        rows = table_of(table)
        session.execute(update(rows).where(rows.c.id == save).values(sha256=staged.sha256))
        asset = Asset(rows.name, save, row.user_id, row.file_name, rom_id=rom)
        store.note(session, asset, staged)
    return save


class Assets:
    """States or screenshots to ask for."""

    def __init__(self, table: type[Save | State | Screenshot]) -> None:
        self.table = table

    def add(self, world: World, user: str, rom: int) -> int:
        return add_save(world, user, rom, SECRET, self.table)

    def add_open(self, world: World) -> int:
        return add_save(world, "plain", add_rom(world, add_platform(world)), table=self.table)

    def name_others(self, world: World) -> Iterator[int]:
        yield self.add(world, "bob", add_rom(world, add_platform(world)))

    def hide(self, world: World) -> Iterator[int]:
        """Ann's own, of ROMs that are hidden from her."""
        return (self.add(world, "ann", rom) for rom in hide_roms(world))

    def publish_hidden(self, world: World) -> Iterator[int]:
        """Bob's, for everybody, of ROMs that are hidden from ann."""
        rows = table_of(self.table)
        for rom in hide_roms(world):
            shown = self.add(world, "bob", rom)
            with world.home.database.write() as session:
                session.execute(update(rows).where(rows.c.id == shown).values(is_public=True))
            yield shown

    def keep_of_hidden_roms(self, world: World) -> Iterator[int]:
        for rom in hide_roms(world):
            for user in ("ann", "root"):
                self.add(world, user, rom)
            yield rom

    def keep_on_hidden_platforms(self, world: World) -> Iterator[int]:
        for platform in hide_platforms(world):
            rom = add_rom(world, platform, SECRET)
            for user in ("ann", "root"):
                self.add(world, user, rom)
            yield platform


STATES, SCREENSHOTS = Assets(State), Assets(Screenshot)
ASSETS = {"State": STATES, "Screenshot": SCREENSHOTS}
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def add_play(
    world: World,
    user: str,
    rom: int | None = None,
    name: str = "Open",
    device: str | None = None,
) -> int:
    row = PlaySession(
        user_id=world.home.users[user],
        rom_id=rom,
        device_id=device,
        save_slot=name,
        start_time=now(),
        end_time=now(),
        duration_ms=1,
    )
    return int(world.home.add(row))


def name_others_plays(world: World) -> Iterator[int]:
    yield add_play(world, "bob", name=SECRET)


def hide_plays(world: World) -> Iterator[int]:
    """Sessions of ann's of ROMs that are hidden from her."""
    return (add_play(world, "ann", rom, SECRET) for rom in hide_roms(world))


def play_hidden_roms(world: World) -> Iterator[int]:
    """ROMs hidden from ann, which she and an administrator played."""
    for rom in hide_roms(world):
        for user in ("ann", "root"):
            add_play(world, user, rom, SECRET)
        yield rom


def play_on_others_devices(world: World) -> Iterator[str]:
    device = add_device(world, "bob")
    add_play(world, "bob", name=SECRET, device=device)
    yield device


def find_version(world: World, save: int, *, is_old: bool = False) -> int:
    """The version a save has now, or had until now."""
    with world.home.database.write() as session:
        this = ASSET_VERSIONS.c.asset_id == save
        if is_old:
            session.execute(update(ASSET_VERSIONS).where(this).values(ended_at=now()))
        return int(session.scalars(select(ASSET_VERSIONS.c.id).where(this)).one())


def name_others_saves(world: World) -> Iterator[int]:
    yield add_save(world, "bob", add_rom(world, add_platform(world)), SECRET)


def hide_saves(world: World) -> Iterator[int]:
    """Saves that ann kept of ROMs before these were hidden from her."""
    return (add_save(world, "ann", rom, SECRET) for rom in hide_roms(world))


def publish_hidden_saves(world: World) -> Iterator[int]:
    """Saves bob shows to everybody, of ROMs that are hidden from ann."""
    for rom in hide_roms(world):
        save = add_save(world, "bob", rom, SECRET)
        with world.home.database.write() as session:
            session.execute(update(SAVES).where(SAVES.c.id == save).values(is_public=True))
        yield save


def name_others_versions(world: World) -> Iterator[int]:
    return (find_version(world, save) for save in name_others_saves(world))


def name_others_old_versions(world: World) -> Iterator[int]:
    return (find_version(world, save, is_old=True) for save in name_others_saves(world))


def hide_versions(world: World) -> Iterator[int]:
    return (find_version(world, save) for save in hide_saves(world))


def name_others_devices_of_saves(world: World) -> Iterator[dict[str, Any]]:
    """A save of ann's, and a device that is not hers."""
    save = add_save(world, "ann", add_rom(world, add_platform(world)))
    yield {"id": save, "device_id": add_device(world, "bob", SECRET)}


def name_others_saves_to_follow(world: World) -> Iterator[int]:
    """Saves that are bob's, where ann has a device to follow them with."""
    with world.home.database.read() as session:
        known = session.scalar(select(DEVICES.c.id).where(DEVICES.c.id == ANNS_DEVICE))
    if known is None:
        world.home.add(Device(id=ANNS_DEVICE, user_id=world.home.users["ann"]))
    return name_others_saves(world)


def save_hidden_roms(world: World) -> Iterator[int]:
    """ROMs hidden from ann, of which she and an administrator kept saves."""
    for rom in hide_roms(world):
        for user in ("ann", "root"):
            add_save(world, user, rom, SECRET)
        yield rom


def save_on_hidden_platforms(world: World) -> Iterator[int]:
    for platform in hide_platforms(world):
        rom = add_rom(world, platform, SECRET)
        for user in ("ann", "root"):
            add_save(world, user, rom, SECRET)
        yield platform


def name_others_files(world: World) -> Iterator[str]:
    """A file in bob's folder that is no picture of bob."""
    path = f"{user_folder(world.home.users['bob'])}/saves/snes/1/{SECRET}.srm"
    file = world.home.settings.places.assets / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SECRET)
    yield path


ORDINARY: Mapping[Any, Callable[[World], Any]] = {
    collect_hidden_by_genre: lambda _world: "e30=",
    name_others_collections: lambda world: add_collection(world, "plain", is_public=True),
    name_others_rules: lambda world: add_rule(world, "plain", is_public=True),
    name_others_playlists: lambda world: add_playlist(world, "plain", "Open", is_public=True),
    name_others_notes: lambda world: add_noted_rom(world, "plain"),
    hide_noted_roms: lambda world: add_noted_rom(world, "plain"),
    name_others_uploads: lambda _world: "0" * 32,
    name_others_trash: lambda world: add_trash(world, "editor"),
    name_others_files_of_roms: lambda world: add_file(world, add_rom_with_file(world)),
    name_users_to_rule: add_user,
    name_groups: add_group,
    hide_platforms: add_platform,
    hide_roms: add_rom_with_file,
    hide_files: lambda world: add_file(world, add_rom(world, add_platform(world))),
    hide_patches: lambda world: add_file(world, add_rom(world, add_platform(world))),
    hide_firmware: lambda world: add_firmware(world, add_platform(world)),
    name_others_users: add_user,
    name_administrators: add_user,
    name_others_devices: lambda world: add_device(world, "plain"),
    **dict.fromkeys(
        (name_others_saves, hide_saves, publish_hidden_saves, name_others_saves_to_follow),
        lambda world: add_save(world, "plain", add_rom(world, add_platform(world))),
    ),
    **dict.fromkeys(
        (name_others_versions, hide_versions, name_others_old_versions),
        lambda world: find_version(
            world, add_save(world, "plain", add_rom(world, add_platform(world)))
        ),
    ),
    **{
        make: assets.add_open
        for assets in ASSETS.values()
        for make in (assets.name_others, assets.hide, assets.publish_hidden)
    },
    **dict.fromkeys((each.keep_of_hidden_roms for each in ASSETS.values()), add_rom_with_file),
    **dict.fromkeys((each.keep_on_hidden_platforms for each in ASSETS.values()), add_platform),
    **dict.fromkeys((name_others_plays, hide_plays), lambda world: add_play(world, "plain")),
    play_hidden_roms: add_rom_with_file,
    play_hidden: add_rom_with_file,
    play_on_others_devices: lambda world: add_device(world, "plain"),
    name_others_devices_of_saves: lambda world: add_device(world, "plain"),
    save_hidden_roms: add_rom_with_file,
    save_on_hidden_platforms: add_platform,
    name_others_tokens: lambda world: add_token(world, "plain")[0],
    name_administrators_tokens: lambda world: add_token(world, "plain")[0],
    name_others_codes: lambda _world: "ABCDEFGH",
    name_others_sessions: lambda _world: "0" * 32,
    name_others_files: lambda _world: "users/0/profile/avatar.png",
}
"""For each kind of what is not ann's, one that everybody may ask for."""
