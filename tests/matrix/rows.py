"""How every id that an operation takes is tried with something that is not the caller's.

A key is an operation and the place of the id in it: a parameter of the path, or a field of the
query, the form or the body. ``test_foreign`` refuses an operation whose ids are not all here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.matrix import things
from tests.matrix.world import SECRET, World

ID = "the id"
"""Stands in a request for the id of the thing that is tried."""

Make = Callable[[World], Iterator[Any]]
Options = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """``ann`` asks for each thing and gets ``code``; ``owner`` asks for the same and is let in.

    Where ``code`` is 200, what ann gets does not tell of it and what the owner gets does.
    """

    make: Make
    code: int
    owner: str | None
    """None for what nobody is given here."""
    options: Mapping[str, Any]
    """``headers``, ``params`` and body of the request."""


@dataclass(frozen=True)
class Free:
    """An id of which nobody has another's; ``why`` says so, ``make`` gives one."""

    why: str
    make: Callable[[World], Any] | None = None


def row(make: Make, code: int = 404, owner: str | None = "root", **options: Any) -> Row:
    return Row(make, code, owner, options)


def rows(make: Make, code: int, operation: str, *names: str, owner: str = "root") -> dict[str, Row]:
    """The ids an operation takes in its query, all of the same kind."""
    return {f"{operation} {name}": row(make, code, owner, params={name: ID}) for name in names}


CHANGING: Options = {"data": {"nothing": "new"}}
OF_SAVES: Mapping[str, Options] = {
    "GET /api/saves/{id}": {},
    "PUT /api/saves/{id}": CHANGING,
    "PUT /api/saves/{id}/visibility": {"json": {"is_public": True}},
    "GET /api/saves/{id}/versions": {},
}
WITH_DEVICES: Mapping[str, Options] = {
    "GET /api/saves/{id}": {},
    "PUT /api/saves/{id}": CHANGING,
    "GET /api/saves/{id}/content": {},
    "HEAD /api/saves/{id}/content": {},
}
OF_VERSIONS: Mapping[str, Options] = {
    "GET /api/saves/versions/{id}/content": {},
    "HEAD /api/saves/versions/{id}/content": {},
    "POST /api/saves/versions/{id}/restore": {},
    "PUT /api/saves/versions/{id}/lock": {"json": {"locked": True}},
}


def foreign_assets(word: str, **options: Any) -> tuple[Row, Row]:
    """An own thing of a ROM that is hidden, and another's."""
    return (
        row(things.ASSETS[word].name_others, owner="bob", **options),
        row(things.ASSETS[word].hide, owner=None, **options),
    )


def asset_rows(kind: str, word: str, name: str, field: str) -> dict[str, Row | Sequence[Row]]:
    """What states and screenshots have in common."""
    path, assets = f"/api/{kind}", things.ASSETS[word]
    shown = row(assets.publish_hidden, owner="bob")
    return {
        **rows(assets.keep_of_hidden_roms, 200, f"GET {path}", "rom_id"),
        **rows(assets.keep_on_hidden_platforms, 200, f"GET {path}", "platform_id"),
        f"POST {path} rom_id": row(
            things.hide_roms, params={"rom_id": ID}, files={field: (name, things.PNG_HEAD)}
        ),
        f"POST {path}/delete {kind}": foreign_assets(word, json={kind: [ID]}),
        f"GET {path}/{{id}} id": foreign_assets(word),
        **{
            f"{method} {path}/{{id}}/content id": (*foreign_assets(word), shown)
            for method in ("GET", "HEAD")
        },
    }


SCANS = Free("a scan is everybody's who may start one", things.add_scan)
TASKS = Free("a task is everybody's who may run one", things.add_task)
UPLOAD = {
    "x-upload-platform": ID,
    "x-upload-filename": "Mine.sfc",
    "x-upload-total-size": "4",
    "x-upload-total-chunks": "1",
}
SESSIONS = Free("only an own session counts, and nothing is told of it")
CONTAINERS = Free("a container is nobody's; whose game runs in it is for its own tests")
PICTURES = Free("pictures are for everybody who is known", things.add_user)
OWN_COLLECTION = Free(
    "whatever is in one's own collection may be taken out of it", lambda _world: 1
)
FOR_ADMINISTRATORS = Free("only administrators get so far, from whom nothing is hidden")
UNIDENTIFIED = "POST /api/roms/unidentified"
ITS_OWN = Free("only the ROM's own files are sent, whatever is asked for")

ROWS: dict[str, Row | Free | Sequence[Row]] = {
    # Platforms
    "GET /api/platforms/{id} id": row(things.hide_platforms),
    "PUT /api/platforms/{id} id": row(things.hide_platforms, json={"custom_name": "mine"}),
    "DELETE /api/platforms/{id} id": row(things.hide_platforms),
    # ROMs
    **rows(things.hide_platforms, 200, "GET /api/roms", "platform_ids", "platform_id"),
    **rows(things.collect_hidden, 200, "GET /api/roms", "collection_id", owner="bob"),
    **rows(things.collect_hidden_by_rule, 200, "GET /api/roms", "smart_collection_id", owner="bob"),
    **rows(things.collect_hidden_by_genre, 200, "GET /api/roms", "virtual_collection_id"),
    **rows(things.hide_platforms, 200, UNIDENTIFIED, "platform_ids", "platform_id"),
    **rows(things.collect_hidden, 200, UNIDENTIFIED, "collection_id", owner="bob"),
    **rows(things.collect_hidden_by_rule, 200, UNIDENTIFIED, "smart_collection_id", owner="bob"),
    **rows(things.collect_hidden_by_genre, 200, UNIDENTIFIED, "virtual_collection_id"),
    **rows(things.hide_platforms, 200, "GET /api/roms/random", "platform_ids"),
    **rows(things.collect_hidden, 200, "GET /api/roms/random", "collection_id", owner="bob"),
    **rows(
        things.collect_hidden_by_rule,
        200,
        "GET /api/roms/random",
        "smart_collection_id",
        owner="bob",
    ),
    **rows(things.collect_hidden_by_genre, 200, "GET /api/roms/random", "virtual_collection_id"),
    **rows(
        things.hide_identified,
        404,
        "GET /api/roms/by-metadata-provider",
        *(f"{provider}_id" for provider in things.PROVIDERS),
    ),
    **rows(
        things.hide_hashed,
        404,
        "GET /api/roms/by-hash",
        *("crc_hash", "md5_hash", "sha1_hash", "ra_hash"),
    ),
    "GET /api/roms/{id} id": row(things.hide_roms),
    "GET /api/roms/{id}/simple id": row(things.hide_roms),
    "GET /api/roms/{id}/files id": row(things.hide_files),
    "GET /api/roms/{id}/notes id": row(things.hide_roms),
    "GET /api/roms/{id}/notes/identifiers id": row(things.hide_roms),
    "POST /api/roms/{id}/notes id": row(things.hide_roms, json={"title": "mine"}),
    "PUT /api/roms/{id}/notes/{note_id} id": row(things.hide_noted_roms, owner=None, json={}),
    "PUT /api/roms/{id}/notes/{note_id} note_id": row(
        things.name_others_notes, owner="bob", json={"content": "mine"}
    ),
    "DELETE /api/roms/{id}/notes/{note_id} id": row(things.hide_noted_roms, owner=None),
    "DELETE /api/roms/{id}/notes/{note_id} note_id": row(things.name_others_notes, owner="bob"),
    "PUT /api/roms/{id}/props id": row(things.hide_roms, json={"rating": 1}),
    "PUT /api/roms/{id}/user id": row(things.hide_roms, json={"rating": 1}),
    "GET /api/search/roms rom_id": row(
        things.hide_identified, 200, params={"rom_id": ID, "search_term": SECRET}
    ),
    "PUT /api/roms/{id} id": row(things.hide_roms, data={"summary": "mine"}),
    **{
        f"PUT /api/roms/{{id}} {provider}_id": Free("it is the provider's")
        for provider in (*things.PROVIDERS, "sgdb", "libretro")
    },
    "POST /api/roms/{id}/convert-to-folder id": row(things.hide_roms, owner=None),
    "POST /api/roms/delete roms": row(things.hide_roms, 200, json={"roms": [ID]}),
    "POST /api/roms/delete delete_from_fs": row(
        things.hide_roms, 200, None, json={"roms": [ID], "delete_from_fs": [ID]}
    ),
    "DELETE /api/roms/{rom_id}/files/{file_id} rom_id": row(things.hide_roms, owner=None),
    "DELETE /api/roms/{rom_id}/files/{file_id} file_id": row(things.hide_files, owner=None),
    # Attachments of ROMs
    "GET /api/roms/{id}/soundtracks/metadata id": row(things.hide_roms),
    "DELETE /api/roms/{id}/manuals id": row(things.hide_roms, owner=None),
    "POST /api/roms/{id}/manuals/redownload id": row(things.hide_roms, owner=None),
    **{
        f"POST /api/roms/{{id}}/{kind} id": row(
            things.hide_roms,
            owner=None,
            headers={"x-upload-filename": name},
            files={name: (name, b"moss")},
        )
        for kind, name in (
            ("manuals", "a.pdf"),
            ("manuals/files", "a.pdf"),
            ("soundtracks", "a.mp3"),
            ("screenshots", "a.png"),
        )
    },
    **{
        f"DELETE /api/roms/{{id}}/{kind}/{{file_id}} {name}": row(make, owner=None)
        for kind in ("manuals/files", "soundtracks", "screenshots")
        for name, make in (
            ("id", things.hide_roms),
            ("file_id", things.name_others_files_of_roms),
        )
    },
    # Uploads
    "POST /api/roms/upload/start x-upload-platform": row(
        things.hide_platforms, 400, headers=UPLOAD
    ),
    "POST /api/roms/upload/init x-upload-platform": row(things.hide_platforms, 400, headers=UPLOAD),
    **{
        f"{label} upload_id": row(things.name_others_uploads, 403, "bob")
        for label in (
            "GET /api/roms/upload/{upload_id}",
            "GET /api/roms/upload/{upload_id}/session",
            "DELETE /api/roms/upload/{upload_id}",
            "POST /api/roms/upload/{upload_id}/cancel",
        )
    },
    **{
        f"{label} upload_id": row(
            things.name_others_uploads, 403, "bob", headers={"x-chunk-index": "0"}, content=b"moss"
        )
        for label in (
            "PUT /api/roms/upload/{upload_id}",
            "PUT /api/roms/upload/{upload_id}/chunk",
            "POST /api/roms/upload/{upload_id}/chunk",
        )
    },
    "POST /api/roms/upload/{upload_id}/complete upload_id": row(
        things.name_others_uploads, 403, None
    ),
    # The trash
    "POST /api/trash/{id}/restore id": row(things.name_others_trash, owner="bob"),
    "DELETE /api/trash/{id} id": row(things.name_others_trash),
    # Collections
    "GET /api/collections/{id} id": (
        row(things.name_others_collections, 403, "bob"),
        row(things.publish_hidden, 200, "bob"),
    ),
    "PUT /api/collections/{id} id": row(
        things.name_others_collections, 403, "bob", data={"rom_ids": "[]"}
    ),
    "PUT /api/collections/{id} rom_ids": row(
        things.hide_from_collections, 200, None, data={"rom_ids": f"[{ID}]"}
    ),
    "DELETE /api/collections/{id} id": row(things.name_others_collections, 403, "bob"),
    "POST /api/collections/{id}/roms id": row(
        things.name_others_collections, 403, "bob", json={"rom_ids": []}
    ),
    "POST /api/collections/{id}/roms rom_ids": row(
        things.hide_from_collections, 200, None, json={"rom_ids": [ID]}
    ),
    "DELETE /api/collections/{id}/roms id": row(
        things.name_others_collections, 403, "bob", json={"rom_ids": []}
    ),
    "DELETE /api/collections/{id}/roms rom_ids": OWN_COLLECTION,
    "DELETE /api/collections/{id}/roms/{rom_id} id": row(
        things.name_others_collections, 403, "bob"
    ),
    "DELETE /api/collections/{id}/roms/{rom_id} rom_id": OWN_COLLECTION,
    "GET /api/collections/smart/{id} id": row(things.name_others_rules, 403, "bob"),
    "PUT /api/collections/smart/{id} id": row(things.name_others_rules, 403, "bob"),
    "DELETE /api/collections/smart/{id} id": row(things.name_others_rules, 403, "bob"),
    "GET /api/collections/virtual/{id} id": row(things.collect_hidden_by_genre),
    # Music
    **rows(things.hide_platforms, 200, "GET /api/music/tracks", "platform_ids"),
    **rows(things.hide_roms, 200, "GET /api/music/tracks", "rom_id"),
    **rows(things.hide_platforms, 200, "GET /api/music/albums", "platform_ids"),
    **rows(things.hide_platforms, 200, "GET /api/music/artists", "platform_ids"),
    **rows(things.hide_platforms, 200, "GET /api/music/genres", "platform_ids"),
    "GET /api/music/years platform_ids": Free("a year is no name of anything"),
    **rows(things.hide_liked_tracks, 200, "GET /api/music/favorites", "platform_ids"),
    "POST /api/music/favorites rom_file_ids": row(
        things.hide_tracks, 400, json={"rom_file_ids": [ID]}
    ),
    "DELETE /api/music/favorites rom_file_ids": OWN_COLLECTION,
    "GET /api/music/playlists/{id} id": row(things.name_others_playlists, 403, "bob"),
    "PUT /api/music/playlists/{id} id": row(things.name_others_playlists, 403, "bob", json={}),
    "DELETE /api/music/playlists/{id} id": row(things.name_others_playlists, 403, "bob"),
    "GET /api/music/playlists/{id}/tracks id": (
        row(things.name_others_playlists, 403, "bob"),
        row(things.publish_hidden_tracks, 200, "bob"),
    ),
    "POST /api/music/playlists/{id}/tracks id": row(
        things.name_others_playlists, 403, "bob", json={"rom_file_ids": []}
    ),
    "POST /api/music/playlists/{id}/tracks rom_file_ids": row(
        things.hide_from_playlists, 400, None, json={"rom_file_ids": [ID]}
    ),
    "DELETE /api/music/playlists/{id}/tracks id": row(
        things.name_others_playlists, 403, "bob", json={"rom_file_ids": []}
    ),
    "DELETE /api/music/playlists/{id}/tracks rom_file_ids": OWN_COLLECTION,
    "PUT /api/music/playlists/{id}/tracks/order id": row(
        things.name_others_playlists, 403, "bob", json={"rom_file_ids": []}
    ),
    "PUT /api/music/playlists/{id}/tracks/order rom_file_ids": OWN_COLLECTION,
    # Downloads
    "GET /api/roms/{id}/content id": row(things.hide_roms),
    "HEAD /api/roms/{id}/content id": row(things.hide_roms),
    "GET /api/roms/{id}/content/{file_name:path} id": row(things.hide_roms),
    "HEAD /api/roms/{id}/content/{file_name:path} id": row(things.hide_roms),
    "POST /api/roms/download/{id}/{file_name:path} id": row(things.hide_roms),
    "GET /api/roms/{id}/files/content/{file_name:path} id": row(things.hide_files),
    "HEAD /api/roms/{id}/files/content/{file_name:path} id": row(things.hide_files),
    "GET /api/roms/{id}/content file_ids": ITS_OWN,
    "HEAD /api/roms/{id}/content file_ids": ITS_OWN,
    "GET /api/roms/{id}/content/{file_name:path} file_ids": ITS_OWN,
    "HEAD /api/roms/{id}/content/{file_name:path} file_ids": ITS_OWN,
    "POST /api/roms/download/{id}/{file_name:path} file_ids": ITS_OWN,
    **rows(things.hide_roms, 404, "GET /api/roms/download", "rom_ids"),
    **rows(things.hide_platforms, 404, "GET /api/roms/download", "platform_id"),
    **rows(things.collect_hidden, 404, "GET /api/roms/download", "collection_id", owner="bob"),
    **rows(
        things.collect_hidden_by_rule,
        404,
        "GET /api/roms/download",
        "smart_collection_id",
        owner="bob",
    ),
    **rows(things.collect_hidden_by_genre, 404, "GET /api/roms/download", "virtual_collection_id"),
    "POST /api/roms/{id}/patch id": row(
        things.hide_files, files={"patch_file": ("nothing.ips", things.EMPTY_PATCH)}
    ),
    "POST /api/roms/{id}/patch patch_file_id": row(things.hide_patches, data={"patch_file_id": ID}),
    # Firmware
    **rows(things.hide_platforms, 200, "GET /api/firmware", "platform_id"),
    "GET /api/firmware/{id} id": row(things.hide_firmware),
    "GET /api/firmware/{id}/content/{file_name} id": row(things.hide_firmware),
    "HEAD /api/firmware/{id}/content/{file_name} id": row(things.hide_firmware),
    "POST /api/firmware platform_id": row(
        things.hide_platforms, params={"platform_id": ID}, files={"files": ("a.bin", b"moss")}
    ),
    "POST /api/firmware/delete firmware": row(things.hide_firmware, 200, json={"firmware": [ID]}),
    "POST /api/firmware/delete delete_from_fs": row(
        things.hide_firmware, 200, None, json={"firmware": [ID], "delete_from_fs": [ID]}
    ),
    # Scans
    "POST /api/scans platform_ids": SCANS,
    "POST /api/scans rom_ids": SCANS,
    "GET /api/scans/{id} id": SCANS,
    "POST /api/scans/{id}/stop id": SCANS,
    # Tasks
    "POST /api/tasks/run/{task_name} task_name": Free("tasks have the same names for all"),
    "GET /api/tasks/{task_id} task_id": TASKS,
    "POST /api/tasks/{task_id}/cancel task_id": TASKS,
    # Users
    "GET /api/users/{id} id": Free("users.read is for all users", things.add_user),
    "PUT /api/users/{id} id": row(things.name_others_users, 403),
    "DELETE /api/users/{id} id": row(things.name_administrators, 403),
    "POST /api/users/{id}/reset-link id": row(things.name_others_users, 403),
    "POST /api/users/{id}/ra/refresh id": row(things.name_others_users, 403, owner=None),
    "GET /api/users/{id}/avatar id": PICTURES,
    "HEAD /api/users/{id}/avatar id": PICTURES,
    "DELETE /api/users/{id}/avatar id": row(things.name_others_users, 403, owner=None),
    "GET /api/raw/assets/{path:path} path": row(things.name_others_files, owner=None),
    "HEAD /api/raw/assets/{path:path} path": row(things.name_others_files, owner=None),
    "GET /assets/romm/assets/{path:path} path": row(things.name_others_files, owner=None),
    "HEAD /assets/romm/assets/{path:path} path": row(things.name_others_files, owner=None),
    "DELETE /api/users/me/sessions/{id} id": row(things.name_others_sessions, owner="bob"),
    # Devices
    "GET /api/devices/{device_id} device_id": row(things.name_others_devices, owner="bob"),
    "PUT /api/devices/{device_id} device_id": row(
        things.name_others_devices, owner="bob", json={"name": "mine"}
    ),
    "DELETE /api/devices/{device_id} device_id": row(things.name_others_devices, owner="bob"),
    # Saves
    **rows(things.save_hidden_roms, 200, "GET /api/saves", "rom_id"),
    **rows(things.save_on_hidden_platforms, 200, "GET /api/saves", "platform_id"),
    **rows(things.name_others_devices, 404, "GET /api/saves", "device_id", owner="bob"),
    **rows(things.save_hidden_roms, 200, "GET /api/saves/summary", "rom_id"),
    **rows(things.save_hidden_roms, 200, "GET /api/saves/versions", "rom_id"),
    "POST /api/saves rom_id": row(
        things.hide_roms, params={"rom_id": ID}, files={"saveFile": ("a.srm", b"moss")}
    ),
    "POST /api/saves device_id": row(
        things.name_others_devices,
        owner=None,
        params={"rom_id": 1, "device_id": ID},
        files={"saveFile": ("a.srm", b"moss")},
    ),
    "POST /api/saves session_id": SESSIONS,
    "POST /api/saves/delete saves": (
        row(things.name_others_saves, owner="bob", json={"saves": [ID]}),
        row(things.hide_saves, owner=None, json={"saves": [ID]}),
    ),
    **{
        f"{label} id": (
            row(things.name_others_saves, owner="bob", **options),
            row(things.hide_saves, owner=None, **options),
        )
        for label, options in OF_SAVES.items()
    },
    **{
        f"{method} /api/saves/{{id}}/content id": (
            row(things.name_others_saves, owner="bob"),
            row(things.publish_hidden_saves, owner="bob"),
            row(things.hide_saves, owner=None),
        )
        for method in ("GET", "HEAD")
    },
    **{f"{method} /api/saves/{{id}}/content session_id": SESSIONS for method in ("GET", "HEAD")},
    **{
        f"{label} device_id": row(
            things.name_others_devices_of_saves, owner=None, params={"device_id": ID}, **options
        )
        for label, options in WITH_DEVICES.items()
    },
    **{
        f"POST /api/saves/{{id}}/{verb} {name}": row(make, owner=None, json=body)
        for verb in ("downloaded", "track", "untrack")
        for name, make, body in (
            ("id", things.name_others_saves_to_follow, {"device_id": things.ANNS_DEVICE}),
            ("device_id", things.name_others_devices_of_saves, {"device_id": ID}),
        )
    },
    **{
        f"{label} id": (
            row(things.name_others_versions, owner="bob", **options),
            row(things.hide_versions, owner=None, **options),
        )
        for label, options in OF_VERSIONS.items()
    },
    "DELETE /api/saves/versions/{id} id": row(things.name_others_old_versions, owner="bob"),
    # States and screenshots
    **{
        key: each
        for kind, word, name, field in (
            ("states", "State", "a.state", "stateFile"),
            ("screenshots", "Screenshot", "a.png", "screenshotFile"),
        )
        for key, each in asset_rows(kind, word, name, field).items()
    },
    "PUT /api/states/{id} id": foreign_assets("State", data={"nothing": "new"}),
    "PUT /api/states/{id}/visibility id": foreign_assets("State", json={"is_public": True}),
    "PUT /api/screenshots/{id} id": foreign_assets("Screenshot", json={"is_public": True}),
    "DELETE /api/screenshots/{id} id": foreign_assets("Screenshot"),
    # Play sessions
    **rows(things.play_hidden_roms, 200, "GET /api/play-sessions", "rom_id"),
    "GET /api/play-sessions/totals rom_id": Free(
        "only own sessions are summed up, and not those of hidden ROMs", things.add_rom_with_file
    ),
    **rows(things.play_on_others_devices, 200, "GET /api/play-sessions", "device_id", owner="bob"),
    "POST /api/play-sessions device_id": Free("one that is not one's own counts as none"),
    "POST /api/play-sessions rom_id": Free("one that is not seen counts as none"),
    "DELETE /api/play-sessions/{session_id} session_id": (
        row(things.name_others_plays, owner="bob"),
        row(things.hide_plays, owner=None),
    ),
    # Activity
    "GET /api/activity/rom/{rom_id} rom_id": row(things.play_hidden, 200),
    "POST /api/activity/heartbeat rom_id": row(
        things.hide_roms, owner=None, json={"rom_id": ID, "device_id": "nobody's"}
    ),
    "POST /api/activity/heartbeat device_id": row(
        things.name_others_devices, owner=None, json={"rom_id": 1, "device_id": ID}
    ),
    "DELETE /api/activity/heartbeat device_id": Free(
        "only what one plays oneself ends", lambda _world: "web"
    ),
    "GET /api/netplay/list game_id": Free("rooms are for all who may play", lambda _world: "1"),
    # Client tokens
    "DELETE /api/client-tokens/{token_id} token_id": row(things.name_others_tokens, owner="bob"),
    "PUT /api/client-tokens/{token_id}/regenerate token_id": row(
        things.name_others_tokens, owner="bob"
    ),
    "POST /api/client-tokens/{token_id}/pair token_id": row(things.name_others_tokens, owner="bob"),
    "GET /api/client-tokens/pair/{code}/qr.svg code": row(things.name_others_codes, owner="bob"),
    "DELETE /api/client-tokens/{token_id}/admin token_id": row(
        things.name_administrators_tokens, 403
    ),
    # Streaming
    "POST /api/streaming/sessions rom_id": row(things.hide_roms, owner=None, json={"rom_id": ID}),
    "DELETE /api/streaming/sessions/{platform} platform": CONTAINERS,
    **{
        f"POST /api/streaming/sessions/{{platform}}/{command} platform": CONTAINERS
        for command in ("load-state", "mute", "save-and-exit", "save-state", "volume")
    },
    # Permissions
    "GET /api/permissions/users/{user_id} user_id": row(things.name_users_to_rule, 403),
    "PUT /api/permissions/users/{user_id} user_id": row(things.name_users_to_rule, 403, json={}),
    "PUT /api/permissions/users/{user_id} permission_group_id": FOR_ADMINISTRATORS,
    "PUT /api/permissions/users/{user_id} entity_id": FOR_ADMINISTRATORS,
    "POST /api/permissions/groups entity_id": FOR_ADMINISTRATORS,
    "PUT /api/permissions/groups/{id} id": row(things.name_groups, 403, json={}),
    "PUT /api/permissions/groups/{id} entity_id": FOR_ADMINISTRATORS,
    "DELETE /api/permissions/groups/{id} id": row(things.name_groups, 403),
    **{
        f"{method} /api/permissions/hidden {name}": row(
            make, 403, json={"entity": "roms", "entity_id": 1, "user_id": 1, **more}
        )
        for method in ("POST", "DELETE")
        for name, make, more in (
            ("entity_id", things.hide_roms, {"entity_id": ID}),
            ("user_id", things.name_users_to_rule, {"user_id": ID}),
            ("group_id", things.name_groups, {"user_id": None, "group_id": ID}),
        )
    },
}
