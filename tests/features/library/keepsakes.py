"""ROMs with everything that users keep about them, and looks at all that is stored."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from romm_lite.features.library.store import Library
from romm_lite.features.scan import service as scans
from romm_lite.features.scan.kinds import ScanRequest, Status
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.kernel.times import now
from romm_lite.tables.assets import Save, Screenshot, State
from romm_lite.tables.devices import Device, DeviceSaveSync, PlaySession
from romm_lite.tables.firmware import Firmware
from romm_lite.tables.music import MusicFavorite, Playlist, PlaylistTrack
from romm_lite.tables.permissions import PermissionOverride
from romm_lite.tables.rom_users import RomNote
from romm_lite.tables.schema import METADATA

from .conftest import Home

LEFT_OUT = ("trash", "versions", "entries", "scan_runs", "users")
"""Tables that change with whatever is done."""


def fill_rom(home: Home, platform: int, name: str = "Moss (USA).sfc", fs_slug: str = "snes") -> int:
    """A ROM on the disk with a row in every table that refers to it, some of them by others."""
    folder = f"roms/{fs_slug}"
    facts = {"genres": ["Puzzle"], "age_ratings": ["E"]}
    rom = home.rom(
        name,
        platform,
        name=f"The {name}",
        summary="By hand",
        known={"igdb": (7, {"rating": 5})},
        facets={"genres": ["Puzzle"], "regions": ["USA"]},
        facts=facts,
        fs_path=folder,
        fs_size_bytes=len(name),
        top_level_files=1,
        sha1_hash="5" * 40,
    )
    file = home.file(rom, f"{folder}/{name}", name.encode(), hashed=True, sha1_hash="5" * 40)
    for user in ("ann", "bob"):
        keep(home, rom, user)
    home.collect(rom, name=f"Of {rom}")
    listener = home.users["bob"]
    playlist = home.add(Playlist(user_id=listener, name=f"Tunes {rom}"))
    home.add(PlaylistTrack(playlist_id=playlist, rom_file_id=file, position=3))
    home.add(MusicFavorite(user_id=listener, rom_file_id=file))
    return rom


def keep(home: Home, rom: int, user: str) -> None:
    """What one user may have of a ROM: a save that a device has synced, a session of play …"""
    user_id = home.users[user]
    home.keep(rom, user, rating=9, status="finished")
    home.add(RomNote(rom_id=rom, user_id=user_id, title="Where the key is", content="Under it"))
    file: Any = {"file_name_no_tags": "a", "file_name_no_ext": "a", "file_path": "users/a"}
    asset: Any = {"rom_id": rom, "user_id": user_id, "file_name": "a.srm", **file}
    device = f"device of {user} and {rom}"
    home.add(Device(id=device, user_id=user_id))
    save = home.add(Save(**asset, origin_device_id=device))
    home.add(DeviceSaveSync(device_id=device, save_id=save, last_synced_at=now()))
    home.add(State(**asset), Screenshot(**asset))
    home.add(
        PlaySession(
            user_id=user_id,
            device_id=device,
            rom_id=rom,
            start_time=now(),
            end_time=now(),
            duration_ms=5,
        )
    )


def fill_firmware(home: Home, platform: int, name: str = "chip.bin") -> int:
    """A firmware file, with its row."""
    on_disk = home.settings.places.library / "bios/snes" / name
    on_disk.parent.mkdir(parents=True, exist_ok=True)
    on_disk.write_bytes(b"chip")
    return int(
        home.add(
            Firmware(
                platform_id=platform,
                file_name=name,
                file_name_no_tags=name,
                file_name_no_ext=name,
                file_path="bios/snes",
                file_size_bytes=4,
                md5_hash="6" * 32,
            )
        )
    )


def dump(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but for when they were last changed."""
    found = {}
    with home.database.read() as session:
        for table in METADATA.sorted_tables:
            if table.name not in LEFT_OUT:
                columns = [each for each in table.c if each.name != "updated_at"]
                rows = session.execute(select(*columns)).all()
                found[table.name] = sorted(tuple(map(str, row)) for row in rows)
    return found


def rows_of(home: Home, table: Any) -> list[Any]:
    with home.database.read() as session:
        return list(session.execute(select(table).order_by(*table.primary_key)).all())


def list_disk(home: Home) -> dict[str, bytes]:
    """Every file below the library, those in the trash without the name of their room."""
    found = {}
    root = home.settings.places.library
    for path in sorted(root.rglob("*")):
        if path.is_file():
            parts = list(path.relative_to(root).parts)
            if ".romm_lite_trash" in parts:
                parts[parts.index(".romm_lite_trash") + 1] = "room"
            found["/".join(parts)] = path.read_bytes()
    return found


def scan(home: Home) -> None:
    """Look through the library, and nothing is amiss."""
    outcome = scans.run(home.database, home.settings, ScanRequest())
    assert (outcome.status, outcome.message) == (Status.DONE, None)


def delete(home: Home, *roms: int, from_disk: bool = True, user: str = "root") -> Any:
    """Delete ROMs, with their files or without; what is answered."""
    body = {"roms": roms, "delete_from_fs": roms if from_disk else []}
    answer = home.client(user).post("/api/roms/delete", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def grant(home: Home, entity: Entity, *actions: Action, user: str = "ann") -> None:
    """Give somebody rights that their group has not."""
    user_id = home.users[user]
    home.add(*(PermissionOverride(user_id=user_id, entity=entity, action=a) for a in actions))


def close_library(home: Home) -> Home:
    """The same where the library is for reading only."""
    settings = home.settings.model_copy(update={"romm_library_read_only": True})
    return replace(home, settings=settings, library=Library(settings, home.database))
