"""Every call that RomM's web interface makes about the library, made as it makes them."""

import io
import time
from collections.abc import Callable, Iterator
from typing import Any
from zipfile import ZipFile

import pytest

from tests.disk.patches.making import make_ips
from tests.e2e.conftest import WAIT, NewHome
from tests.e2e.library import make_bytes
from tests.e2e.web import (
    FOLDER,
    GAMES,
    TRIMMED,
    Call,
    Web,
    form,
    open_web,
    picture,
    write_games,
)

BUILT = """
GET /platforms
GET /platforms/{id}
GET /platforms/supported
GET /platforms/filesystem
POST /platforms
PUT /platforms/{id}
DELETE /platforms/{id}
GET /roms
GET /roms sidecars
GET /roms windows
GET /roms orders
GET /roms filters
GET /roms/{id}
GET /roms/{id}/simple
GET /roms/random
GET /roms/by-metadata-provider
GET /roms/filters
PUT /roms/{id}
PUT /roms/{id} fs_name
PUT /roms/{id} artwork
PUT /roms/{id} remove_cover
PUT /roms/{id} unmatch_metadata
PUT /roms/{id}/props
POST /roms/delete
HEAD /roms/{id}/content/{name}
GET /roms/{id}/content/{name}
GET /roms/download
POST /roms/upload/start
POST /roms/upload/{id}/cancel
POST /roms/{id}/manuals
DELETE /roms/{id}/manuals
POST /roms/{id}/manuals/redownload
POST /roms/{id}/manuals/files
DELETE /roms/{id}/manuals/files/{fid}
POST /roms/{id}/soundtracks
GET /roms/{id}/soundtracks/metadata
DELETE /roms/{id}/soundtracks/{fid}
POST /roms/{id}/screenshots
DELETE /roms/{id}/screenshots/{fid}
DELETE /roms/{id}/files/{fid}
GET /roms/{file_id}/files/content/{name}
POST /roms/{file_id}/patch
POST /roms/{id}/notes
PUT /roms/{id}/notes/{nid}
DELETE /roms/{id}/notes/{nid}
GET /search/roms
GET /search/cover
GET /collections
GET /collections/smart
GET /collections/virtual
GET /collections/{id}
GET /collections/smart/{id}
GET /collections/virtual/{id}
POST /collections
POST /collections favorite
PUT /collections/{id}
POST /collections/{id}/roms
DELETE /collections/{id}/roms
DELETE /collections/{id}
POST /collections/smart
PUT /collections/smart/{id}
DELETE /collections/smart/{id}
GET /firmware
POST /firmware
POST /firmware/delete
GET /firmware/{id}/content/{name}
POST /saves
GET /saves
GET /saves/{id}/content
PUT /saves/{id}
POST /saves/delete
POST /states
PUT /states/{id}
PUT /states/{id}/visibility
POST /states/delete
POST /screenshots
PUT /screenshots/{id}
DELETE /screenshots/{id}
POST /play-sessions
GET /play-sessions
GET /activity
"""
CALLS: dict[str, Call] = {}


def call(*names: str) -> Callable[[Call], Call]:
    """Says which calls a function makes."""

    def note(function: Call) -> Call:
        CALLS.update(dict.fromkeys(names, function))
        return function

    return note


@pytest.fixture(scope="module")
def web(new_home: NewHome) -> Iterator[Web]:
    home = new_home()
    write_games(home.library)
    assert home.scan()["problems"] == []
    with home.serve() as server, open_web(home, server) as web:
        yield web
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("name", BUILT.strip().splitlines())
def test_call(web: Web, name: str) -> None:
    CALLS[name](web)


@call("GET /platforms", "GET /platforms/{id}")
def read_platforms(web: Web) -> None:
    platform = web.platform("nes")
    assert (platform["rom_count"], platform["firmware_count"]) == (3, 1)
    assert web.get(f"/platforms/{platform['id']}") == platform


@call("GET /platforms/supported")
def read_supported(web: Web) -> None:
    found = {each["slug"]: each["id"] for each in web.get("/platforms/supported")}
    assert found["nes"] == web.platform("nes")["id"]
    assert found["vectrex"] == -1


@call("GET /platforms/filesystem")
def read_folders(web: Web) -> None:
    (web.home.library / "roms/lynx").mkdir()
    assert "lynx" in [each["fs_slug"] for each in web.get("/platforms/filesystem")]


@call("POST /platforms")
def make_platform(web: Web) -> None:
    made = web.ask("POST", "/platforms", json={"fs_slug": "vectrex"})
    assert (made.status_code, made.json()["name"]) == (201, "Vectrex")
    assert (web.home.library / "roms/vectrex").is_dir()


@call("PUT /platforms/{id}")
def change_platform(web: Web) -> None:
    path = f"/platforms/{web.platform('psx')['id']}"
    changed = web.ask("PUT", path, json={"custom_name": "Gray box", "description": "Discs"}).json()
    assert (changed["display_name"], changed["description"]) == ("Gray box", "Discs")


@call("DELETE /platforms/{id}")
def delete_platform(web: Web) -> None:
    web.ask("DELETE", f"/platforms/{web.platform('gb')['id']}")
    assert "gb" not in [each["fs_slug"] for each in web.get("/platforms")]
    assert (web.home.library / "roms/gb/Small.gb").is_file()


@call("GET /roms")
def read_list(web: Web) -> None:
    page = web.get("/roms", platform_ids=[web.platform("nes")["id"]], limit=2)
    assert [rom["name"] for rom in page["items"]] == ["Alpha", "Beta"]
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 0)


@call("GET /roms sidecars")
def read_sidecars(web: Web) -> None:
    flags = dict.fromkeys(("with_char_index", "with_filter_values", "with_rom_id_index"), "true")
    page = web.get("/roms", platform_ids=[web.platform("nes")["id"]], limit=1, **flags)
    assert page["char_index"] == {"a": 0, "b": 1, "g": 2}
    assert page["rom_id_index"] == [web.ids[name] for name in GAMES[:3]]
    assert page["filter_values"]["regions"] == ["Europe", "Japan", "USA"]


@call("GET /roms windows")
def read_window(web: Web) -> None:
    names = ("char_index", "filter_values", "rom_id_index", "total")
    flags = {f"with_{name}": "false" for name in names}
    page = web.get("/roms", platform_ids=[web.platform("nes")["id"]], limit=72, offset=1, **flags)
    assert [rom["fs_name"] for rom in page["items"]] == list(GAMES[1:3])
    assert (page["total"], page["char_index"], page["rom_id_index"]) == (None, {}, [])


@call("GET /roms orders")
def read_in_order(web: Web) -> None:
    nes = web.platform("nes")["id"]
    for order in (
        *("", "name", "fs_name", "platform_id", "fs_size_bytes", "created_at", "updated_at", "id"),
        *("first_release_date", "average_rating"),
    ):
        options = {"platform_ids": [nes], "order_by": order}
        up = web.names(**options, order_dir="asc")
        assert sorted(up) == list(GAMES[:3]), order
        assert len(web.names(**options, order_dir="desc")) == 3, order
        if order in ("", "name", "fs_name"):
            assert up == list(GAMES[:3])
    assert web.names(platform_ids=[nes], order_by="last_played") == []


@call("GET /roms filters")
def read_filtered(web: Web) -> None:
    alpha, beta, gamma = every = list(GAMES[:3])
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({"search_term": "alp"}, [alpha]),
        ({"regions": ["USA", "Japan"]}, [alpha, beta]),
        ({"regions": ["USA", "Japan"], "regions_logic": "none"}, [gamma]),
        ({"languages": ["English", "French"], "languages_logic": "all"}, [gamma]),
        ({"tags": ["!"]}, [beta]),
        ({"playable": "true"}, every),
        ({"matched": "false"}, every),
        ({"group_by_meta_id": "true"}, every),
        ({"order_by": ""}, every),
    ]
    for name in (
        *("genres", "franchises", "collections", "companies", "age_ratings", "statuses"),
        *("player_counts", "metadata_providers"),
    ):
        asked += [({name: ["igdb"]}, []), ({name: ["igdb"], f"{name}_logic": "none"}, every)]
    for name in (
        *("matched", "favorite", "duplicate", "missing", "has_ra", "has_saves", "has_states"),
        *("has_soundtrack", "verified", "last_played"),
    ):
        asked += [({name: "true"}, []), ({name: "false"}, every)]
    for params, names in asked:
        assert web.names(platform_ids=[web.platform("nes")["id"]], **params) == names, params


@call("GET /roms/{id}", "GET /roms/{id}/simple")
def read_rom(web: Web) -> None:
    rom = web.rom(FOLDER)
    simple = web.get(f"/roms/{rom['id']}/simple")
    assert len(rom["files"]) == len(simple["files"]) == 4
    lists = ("user_saves", "user_states", "sibling_roms", "all_user_notes")
    assert [rom[name] for name in lists] == [[], [], [], []]
    assert rom["rom_user"]["rating"] == 0


@call("GET /roms/random")
def read_random(web: Web) -> None:
    found = web.get("/roms/random", platform_ids=[web.platform("psx")["id"]])
    assert found["fs_name"] == FOLDER
    assert web.get("/roms/random", platform_ids=[999_999]) is None


@call("GET /roms/filters")
def read_filter_values(web: Web) -> None:
    found = web.get("/roms/filters")
    assert {"USA", "Japan", "Europe"} <= set(found["regions"])


@call("PUT /roms/{id}", "GET /roms/by-metadata-provider", "PUT /roms/{id} unmatch_metadata")
def change_rom(web: Web) -> None:
    path = f"/roms/{web.ids['Kept.sfc']}"
    fields = form(name="Kept game", name_sort_key="", summary="Words", moby_id="", ra_id="4711")
    changed = web.ask("PUT", path, files=fields).json()
    assert (changed["name"], changed["summary"]) == ("Kept game", "Words")
    assert (changed["ra_id"], changed["moby_id"]) == (4711, None)
    assert web.get("/roms/by-metadata-provider", ra_id=4711)["id"] == changed["id"]
    options = {"params": {"unmatch_metadata": "true"}, "files": form(name="Kept game")}
    plain = web.ask("PUT", path, **options).json()
    assert (plain["name"], plain["ra_id"], plain["summary"]) == ("Kept.sfc", None, "")


@call("PUT /roms/{id} fs_name")
def rename_rom(web: Web) -> None:
    fields = form(fs_name="Another (Japan).sfc")
    changed = web.ask("PUT", f"/roms/{web.ids['Renamed.sfc']}", files=fields).json()
    assert (changed["fs_name"], changed["regions"]) == ("Another (Japan).sfc", ["Japan"])
    moved = web.home.library / "roms/snes/Another (Japan).sfc"
    assert moved.read_bytes() == make_bytes("Renamed.sfc", 5000)


@call("PUT /roms/{id} artwork", "PUT /roms/{id} remove_cover")
def change_cover(web: Web) -> None:
    path = f"/roms/{web.ids['Covered.sfc']}"
    files = {**form(name="Covered"), "artwork": ("cover.png", picture())}
    changed = web.ask("PUT", path, files=files).json()
    cover = web.client.get(changed["path_cover_large"])
    assert (cover.status_code, cover.headers["content-type"]) == (200, "image/png")
    options = {"params": {"remove_cover": "true"}, "files": form(name="Covered")}
    bare = web.ask("PUT", path, **options).json()
    assert not bare["path_cover_large"]
    assert web.client.get(changed["path_cover_large"]).status_code == 404


@call("PUT /roms/{id}/props")
def change_props(web: Web) -> None:
    path = f"/roms/{web.ids['Played.sfc']}/props"
    assert web.ask("PUT", path, json={"now_playing": True}).json()["now_playing"] is True
    played = web.ask("PUT", path, json={}, params={"update_last_played": "true"}).json()
    assert (played["last_played"] is not None, played["now_playing"]) == (True, True)
    never = web.ask("PUT", path, json={}, params={"remove_last_played": "true"}).json()
    assert never["last_played"] is None


@call("POST /roms/delete")
def delete_roms(web: Web) -> None:
    rom = web.ids["Deleted.sfc"]
    answer = web.ask("POST", "/roms/delete", json={"roms": [rom, 999], "delete_from_fs": [rom]})
    done = answer.json()
    assert (done["successful_items"], done["failed_ids"], len(done["errors"])) == (1, [999], 1)
    assert web.send("GET", f"/roms/{rom}").status_code == 404
    assert not (web.home.library / "roms/snes/Deleted.sfc").exists()


@call("HEAD /roms/{id}/content/{name}", "GET /roms/{id}/content/{name}")
def download_rom(web: Web) -> None:
    content = make_bytes(GAMES[0], 5000)
    path = f"/roms/{web.ids[GAMES[0]]}/content/{GAMES[0]}"
    assert web.ask("HEAD", path).headers["content-length"] == "5000"
    assert web.ask("GET", path).content == content
    part = web.ask("GET", path, headers={"range": "bytes=4000-"})
    assert (part.status_code, part.content) == (206, content[4000:])
    ids = {file["file_name"]: file["id"] for file in web.rom(FOLDER)["files"]}
    chosen = {"file_ids": f"{ids['1.bin']},{ids['1.cue']}"}
    path = f"/roms/{web.ids[FOLDER]}/content/{FOLDER}"
    length = web.ask("HEAD", path, params=chosen).headers["content-length"]
    archive = web.ask("GET", path, params=chosen).content
    assert len(archive) == int(length)
    with ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == ["1.bin", "1.cue", f"{FOLDER}.m3u"]


@call("GET /roms/download")
def download_roms(web: Web) -> None:
    ids = ",".join(str(web.ids[name]) for name in GAMES[:2])
    nes = str(web.platform("nes")["id"])
    for chosen, count in (({"rom_ids": ids}, 2), ({"platform_id": nes, "filename": "a.zip"}, 3)):
        answer = web.ask("GET", "/roms/download", params=chosen)
        with ZipFile(io.BytesIO(answer.content)) as opened:
            assert opened.testzip() is None
            assert len(opened.namelist()) == count
    assert 'filename="a.zip"' in answer.headers["content-disposition"]


@call("POST /roms/upload/start")
def upload_rom(web: Web) -> None:
    content = make_bytes("brought", 25_000)
    upload = web.start_upload("Brought.sfc", len(content), 3)
    for index in range(3):
        piece = content[index * 8334 : (index + 1) * 8334]
        headers = {"X-Chunk-Index": str(index)}
        web.ask("PUT", f"/roms/upload/{upload}", content=piece, headers=headers)
    done = web.ask("POST", f"/roms/upload/{upload}/complete")
    assert (done.status_code, done.content) == (201, b"")
    deadline = time.monotonic() + WAIT
    while "Brought.sfc" not in web.names(search_term="Brought"):
        assert time.monotonic() < deadline, "the upload was never scanned"
        time.sleep(0.1)


@call("POST /roms/upload/{id}/cancel")
def cancel_upload(web: Web) -> None:
    upload = web.start_upload("Dropped.sfc", 10, 1)
    assert web.ask("POST", f"/roms/upload/{upload}/cancel").status_code == 204
    assert not (web.home.library / "roms/snes/Dropped.sfc").exists()


@call(
    "POST /roms/{id}/manuals",
    "POST /roms/{id}/manuals/redownload",
    "DELETE /roms/{id}/manuals",
)
def keep_manual(web: Web) -> None:
    path = f"/roms/{web.ids['Liked.sfc']}/manuals"
    assert web.upload(path, "Liked.pdf", b"%PDF-1.4 a manual").status_code == 201
    shown = web.client.get(f"/assets/romm/resources/{web.rom('Liked.sfc')['path_manual']}")
    assert shown.content == b"%PDF-1.4 a manual"
    again = web.send("POST", f"{path}/redownload")
    assert again.json() == {"detail": "No scraped manual URL available for this ROM"}
    web.ask("DELETE", path)
    assert not web.rom("Liked.sfc")["path_manual"]


@call(
    "POST /roms/{id}/manuals/files",
    "DELETE /roms/{id}/manuals/files/{fid}",
    "GET /roms/{file_id}/files/content/{name}",
)
def keep_manual_file(web: Web) -> None:
    shown, path = web.keep_beside("Read.sfc", "manuals/files", "manual", "a.pdf", b"%PDF-1.4 b")
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"].startswith("inline")
    assert shown.headers["x-content-type-options"] == "nosniff"
    web.ask("DELETE", path)
    assert web.find_files("Read.sfc", "manual") == []


@call(
    "POST /roms/{id}/soundtracks",
    "GET /roms/{id}/soundtracks/metadata",
    "DELETE /roms/{id}/soundtracks/{fid}",
)
def keep_track(web: Web) -> None:
    _, path = web.keep_beside("Heard.sfc", "soundtracks", "soundtrack", "a.mp3", web.song())
    (track,) = web.get(f"/roms/{web.ids['Heard.sfc']}/soundtracks/metadata")
    assert (track["file_name"], track["track_meta"]["title"]) == ("a.mp3", "Title")
    web.ask("DELETE", path)
    assert web.get(f"/roms/{web.ids['Heard.sfc']}/soundtracks/metadata") == []


@call("POST /roms/{id}/screenshots", "DELETE /roms/{id}/screenshots/{fid}")
def keep_picture(web: Web) -> None:
    shown, path = web.keep_beside("Seen.sfc", "screenshots", "screenshot", "a.png", picture())
    assert shown.headers["content-type"] == "image/png"
    web.ask("DELETE", path)
    assert web.find_files("Seen.sfc", "screenshot") == []


@call("DELETE /roms/{id}/files/{fid}")
def delete_file(web: Web) -> None:
    track = next(file for file in web.rom(TRIMMED)["files"] if file["file_name"] == "2.bin")
    web.ask("DELETE", f"/roms/{web.ids[TRIMMED]}/files/{track['id']}")
    assert not (web.home.library / "roms/snes" / TRIMMED / "2.bin").exists()
    assert len(web.rom(TRIMMED)["files"]) == 3


@call("POST /roms/{file_id}/patch")
def patch_rom(web: Web) -> None:
    before = make_bytes("Patched.sfc", 5000)
    after = before[:100] + b"patched" + before[107:]
    answer = web.ask(
        "POST",
        f"/roms/{web.file('Patched.sfc')}/patch",
        files={"patch_file": ("fix.ips", make_ips(before, after))},
        data={"output_file_name": "Fixed.sfc"},
    )
    assert answer.content == after
    assert answer.headers["x-patch-validated"] == "false"
    assert "Fixed.sfc" in answer.headers["content-disposition"]


@call(
    "POST /roms/{id}/notes",
    "PUT /roms/{id}/notes/{nid}",
    "DELETE /roms/{id}/notes/{nid}",
)
def write_note(web: Web) -> None:
    path = f"/roms/{web.ids['Noted.sfc']}/notes"
    body = {"title": "Map", "content": "left", "is_public": False, "tags": ["maps"]}
    note = web.ask("POST", path, json=body).json()
    changed = {"title": "Map", "content": "right", "is_public": True, "tags": []}
    web.ask("PUT", f"{path}/{note['id']}", json=changed)
    (shown,) = web.rom("Noted.sfc")["all_user_notes"]
    assert (shown["content"], shown["is_public"]) == ("right", True)
    web.ask("DELETE", f"{path}/{note['id']}")
    assert web.rom("Noted.sfc")["all_user_notes"] == []


@call("GET /search/roms", "GET /search/cover")
def search(web: Web) -> None:
    asked = {"rom_id": web.ids[GAMES[0]], "search_term": "Alpha", "search_by": "name"}
    assert isinstance(web.get("/search/roms", **asked), list)
    assert web.get("/search/cover", search_term="Alpha") == []


@call(
    "GET /collections",
    "GET /collections/{id}",
    "POST /collections",
    "PUT /collections/{id}",
    "POST /collections/{id}/roms",
    "DELETE /collections/{id}/roms",
    "DELETE /collections/{id}",
)
def collect(web: Web) -> None:
    files = {**form(name="Best", description="", url_cover=""), "artwork": ("a.png", picture())}
    made = web.ask("POST", "/collections", params={"is_public": "true"}, files=files).json()
    path, (alpha, beta, gamma) = f"/collections/{made['id']}", [web.ids[n] for n in GAMES[:3]]
    assert web.client.get(made["path_cover_large"]).status_code == 200
    assert made["id"] in [each["id"] for each in web.get("/collections")]
    fields = form(name="The best", description="Words", rom_ids=[alpha, beta])
    options = {"params": {"is_public": "false", "remove_cover": "true"}, "files": fields}
    changed = web.ask("PUT", path, **options).json()
    assert (changed["name"], changed["is_public"]) == ("The best", False)
    assert set(changed["rom_ids"]) == {alpha, beta}
    web.ask("POST", f"{path}/roms", json={"rom_ids": [gamma]})
    web.ask("DELETE", f"{path}/roms", json={"rom_ids": [alpha]})
    assert set(web.get(path)["rom_ids"]) == {beta, gamma}
    assert web.names(collection_id=made["id"]) == list(GAMES[1:3])
    web.ask("DELETE", path)
    assert web.send("GET", path).status_code == 404


@call("POST /collections favorite")
def collect_favorites(web: Web) -> None:
    params = {"is_favorite": "true", "is_public": "false"}
    made = web.ask("POST", "/collections", params=params, files=form(name="Favorites")).json()
    web.ask("POST", f"/collections/{made['id']}/roms", json={"rom_ids": [web.ids["Kept.sfc"]]})
    (favorite,) = web.get("/roms", favorite="true")["items"]
    assert favorite["id"] == web.ids["Kept.sfc"]


@call(
    "GET /collections/smart",
    "GET /collections/smart/{id}",
    "POST /collections/smart",
    "PUT /collections/smart/{id}",
    "DELETE /collections/smart/{id}",
)
def collect_by_rule(web: Web) -> None:
    rule = {"regions": ["Japan"], "platform_ids": [web.platform("nes")["id"]]}
    fields = form(name="Rule", description="", filter_criteria=rule)
    made = web.ask("POST", "/collections/smart", files=fields).json()
    path = f"/collections/smart/{made['id']}"
    assert made["rom_ids"] == [web.ids[GAMES[1]]]
    fields = form(name="Rule", description="", filter_criteria={**rule, "regions": ["USA"]})
    assert web.ask("PUT", path, files=fields).json()["rom_ids"] == [web.ids[GAMES[0]]]
    assert web.get(path)["id"] in [each["id"] for each in web.get("/collections/smart")]
    web.ask("DELETE", path)
    assert web.send("GET", path).status_code == 404


@call("GET /collections/virtual", "GET /collections/virtual/{id}")
def read_virtual(web: Web) -> None:
    for name in ("Noted.sfc", "Played.sfc", "Liked.sfc"):
        fields = form(raw_manual_metadata={"genres": ["Gardening"]})
        web.ask("PUT", f"/roms/{web.ids[name]}", files=fields)
    (found,) = [c for c in web.get("/collections/virtual", type="genre") if c["rom_count"] == 3]
    assert web.get(f"/collections/virtual/{found['id']}")["name"] == "Gardening"
    assert len(web.names(virtual_collection_id=found["id"])) == 3


@call(
    "GET /firmware",
    "POST /firmware",
    "POST /firmware/delete",
    "GET /firmware/{id}/content/{name}",
)
def keep_firmware(web: Web) -> None:
    snes, content = web.platform("snes")["id"], make_bytes("dsp", 8192)
    params = {"platform_id": snes}
    files = [("files", ("dsp.rom", content)), ("files", ("st.rom", b"st"))]
    assert web.ask("POST", "/firmware", params=params, files=files).json()["uploaded"] == 2
    kept = {each["file_name"]: each["id"] for each in web.get("/firmware", platform_id=snes)}
    got = web.ask("GET", f"/firmware/{kept['dsp.rom']}/content/dsp.rom")
    assert got.content == content
    body = {"firmware": list(kept.values()), "delete_from_fs": [kept["dsp.rom"]]}
    assert web.ask("POST", "/firmware/delete", json=body).json()["successful_items"] == 2
    left = [each.name for each in (web.home.library / "bios/snes").iterdir() if each.is_file()]
    assert left == ["st.rom"]


@call(
    "POST /saves", "GET /saves", "GET /saves/{id}/content", "PUT /saves/{id}", "POST /saves/delete"
)
def keep_save(web: Web) -> None:
    rom = web.ids["Played.sfc"]
    params = {"rom_id": rom, "emulator": "snes9x"}
    files = {
        "saveFile": ("Played.srm", b"save"),
        "screenshotFile": ("Played.png", picture()),
    }
    save = web.ask("POST", "/saves", params=params, files=files).json()
    assert save["screenshot"]["file_name"] == "Played.png"
    assert [each["id"] for each in web.get("/saves", rom_id=rom)] == [save["id"]]
    assert [each["id"] for each in web.get(f"/roms/{rom}")["user_saves"]] == [save["id"]]
    changed = {"saveFile": ("other.srm", b"more")}
    again = web.ask("PUT", f"/saves/{save['id']}", files=changed).json()
    assert (again["id"], again["file_name"]) == (save["id"], "Played.srm")
    path = again["download_path"].removeprefix("/api")
    assert web.ask("GET", path).content == b"more"
    assert web.ask("POST", "/saves/delete", json={"saves": [save["id"]]}).json() == [save["id"]]
    assert web.get("/saves", rom_id=rom) == []


@call("POST /states", "PUT /states/{id}", "PUT /states/{id}/visibility", "POST /states/delete")
def keep_state(web: Web) -> None:
    params = {"rom_id": web.ids["Played.sfc"], "emulator": "snes9x"}
    files = {"stateFile": ("Played.state", b"state")}
    state = web.ask("POST", "/states", params=params, files=files).json()
    path = f"/states/{state['id']}"
    changed = {"stateFile": ("other.state", b"more")}
    assert web.ask("PUT", path, files=changed).json()["file_name"] == "Played.state"
    shown = web.ask("PUT", f"{path}/visibility", json={"is_public": True}).json()
    assert shown["is_public"]
    assert web.ask("GET", shown["download_path"].removeprefix("/api")).content == b"more"
    assert web.ask("POST", "/states/delete", json={"states": [state["id"]]}).json() == [state["id"]]


@call("POST /screenshots", "PUT /screenshots/{id}", "DELETE /screenshots/{id}")
def keep_screenshot(web: Web) -> None:
    params = {"rom_id": web.ids["Played.sfc"], "emulator": "snes9x"}
    files = {"screenshotFile": ("a.png", picture())}
    shot = web.ask("POST", "/screenshots", params=params, files=files).json()
    path = f"/screenshots/{shot['id']}"
    assert web.ask("PUT", path, json={"is_public": True}).json()["is_public"]
    assert web.ask("DELETE", path).content == b""


@call("POST /play-sessions", "GET /play-sessions")
def keep_play_session(web: Web) -> None:
    moment = "2026-01-01T00:00:0{}Z"
    times = {"start_time": moment.format(0), "end_time": moment.format(1)}
    session = {"rom_id": web.ids["Played.sfc"], "duration_ms": 1000, **times}
    web.ask("POST", "/play-sessions", json={"device_id": None, "sessions": [session]})
    (kept,) = web.get("/play-sessions", rom_id=session["rom_id"])
    assert kept["duration_ms"] == 1000


@call("GET /activity")
def read_activity(web: Web) -> None:
    assert web.get("/activity") == []
