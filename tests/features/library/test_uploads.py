"""Uploads over HTTP: who may bring what where, and what lies in the library then."""

import os
import shutil
import time
import uuid
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update

from romm_lite.db.entries import TableEntries
from romm_lite.features.library.uploads import LIFE, MARK, MOST_OPEN, purge_uploads
from romm_lite.kernel.events import Bus, FilesArrived
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.permissions import PermissionOverride
from romm_lite.tables.system import ENTRIES
from romm_lite.web.uploads import LARGEST_CHUNK, TAKEN, journal_of

from .conftest import Home

CONTENT = bytes(range(100))
Usage = namedtuple("Usage", "total used free")


@dataclass
class Desk:
    """Somebody who uploads to the platform snes, and what is told of it."""

    home: Home
    platform: int
    told: list[FilesArrived] = field(default_factory=list)
    user: str = "ann"

    def __post_init__(self) -> None:
        self.client = self.home.client(self.user)

    @property
    def folder(self) -> Path:
        return self.home.settings.places.library / "roms" / "snes"

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def announce(
        self, name: str = "One (USA).sfc", size: int = 100, chunks: int = 3, **more: Any
    ) -> Any:
        headers = {
            "x-upload-platform": str(self.platform),
            "x-upload-filename": quote(name),
            "x-upload-total-size": str(size),
            "x-upload-total-chunks": str(chunks),
        }
        headers |= {key.replace("_", "-"): str(value) for key, value in more.items()}
        return self.client.post("/api/roms/upload/start", headers=headers)

    def start(self, name: str = "One (USA).sfc", size: int = 100, chunks: int = 3) -> str:
        answer = self.announce(name, size, chunks)
        assert answer.status_code == 201, answer.text
        assert list(answer.json()) == ["upload_id"]
        return str(uuid.UUID(answer.json()["upload_id"]))

    def send(self, upload: str, index: int, content: bytes, **headers: str) -> Any:
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        headers |= {"x-chunk-index": str(index)}
        return self.client.put(f"/api/roms/upload/{upload}", content=content, headers=headers)

    def send_all(self, upload: str, content: bytes = CONTENT, chunks: int = 3) -> None:
        size = -(-len(content) // chunks)
        for index in range(chunks):
            answer = self.send(upload, index, content[index * size : (index + 1) * size])
            assert answer.json() == {"received": index + 1, "total": chunks}

    def show(self, upload: str) -> Any:
        answer = self.client.get(f"/api/roms/upload/{upload}")
        return answer.json() if answer.status_code == 200 else answer.status_code

    def complete(self, upload: str, **headers: str) -> Any:
        return self.client.post(f"/api/roms/upload/{upload}/complete", headers=headers)

    def cancel(self, upload: str) -> Any:
        return self.client.post(f"/api/roms/upload/{upload}/cancel")

    def part(self, upload: str) -> Path:
        return self.folder / f"{MARK}{upload}.tmp"


def allow(home: Home, user: str, *entities: Entity) -> None:
    """Let a plain user write."""
    user_id = home.users[user]
    home.add(
        *(PermissionOverride(user_id=user_id, entity=e, action=Action.WRITE) for e in entities)
    )


@pytest.fixture
def desk(home: Home, bus: Bus) -> Desk:
    for user in ("ann", "bob"):
        allow(home, user, Entity.ROMS)
    desk = Desk(home, home.platform("snes"))
    desk.folder.mkdir(parents=True)
    bus.subscribe(FilesArrived, desk.told.append)
    return desk


@pytest.fixture
def bob(desk: Desk) -> Desk:
    return Desk(desk.home, desk.platform, desk.told, "bob")


def told(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()["detail"]


def test_a_file_comes_into_the_library(desk: Desk) -> None:
    upload = desk.start()
    assert desk.names() == [journal_of(desk.part(upload)).name, desk.part(upload).name]
    desk.send_all(upload)
    answer = desk.complete(upload)
    assert (answer.status_code, answer.content) == (201, b"")
    assert desk.names() == ["One (USA).sfc"]
    assert (desk.folder / "One (USA).sfc").read_bytes() == CONTENT
    assert desk.told == [FilesArrived("snes", ("One (USA).sfc",))]


def test_an_upload_shows_how_far_it_is(desk: Desk) -> None:
    upload = desk.start()
    before = desk.show(upload)
    assert before["expires_at"] > time.strftime("%Y-%m-%d", time.gmtime(time.time() + LIFE - 9))
    desk.send(upload, 1, CONTENT[40:80])
    after = desk.show(upload)
    assert after.pop("expires_at") == before.pop("expires_at")
    assert before == after | {"received": [], "missing": [0, 1, 2], "chunk_size": None}
    assert after == {
        "upload_id": upload,
        "platform_id": desk.platform,
        "filename": "One (USA).sfc",
        "total_size": 100,
        "total_chunks": 3,
        "chunk_size": 40,
        "received": [1],
        "missing": [0, 2],
    }


def test_chunks_may_come_at_once_and_again(desk: Desk) -> None:
    content = os.urandom(1_000_000)
    upload = desk.start(size=len(content), chunks=10)
    pieces = [content[at : at + 100_000] for at in range(0, len(content), 100_000)]
    with ThreadPoolExecutor(4) as pool:
        order = [*range(10), 3, 7]
        answers = list(pool.map(lambda index: desk.send(upload, index, pieces[index]), order))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert desk.show(upload)["missing"] == []
    assert desk.complete(upload).status_code == 201
    assert (desk.folder / "One (USA).sfc").read_bytes() == content


def test_the_paths_of_older_versions_lead_to_the_same(desk: Desk) -> None:
    headers = {
        "x-upload-platform": str(desk.platform),
        "x-upload-filename": "Old.sfc",
        "x-upload-total-size": "3",
        "x-upload-total-chunks": "3",
    }
    answer = desk.client.post("/api/roms/upload/init", headers=headers)
    path = f"/api/roms/upload/{answer.json()['upload_id']}"
    send = (desk.client.put, desk.client.post, desk.client.put)
    for index, put in enumerate(send):
        at = f"{path}/chunk" + "/" * (index == 2)
        answer = put(at, content=b"abc"[index : index + 1], headers={"x-chunk-index": str(index)})
        assert answer.json() == {"received": index + 1, "total": 3}
    assert desk.client.get(f"{path}/session").json()["missing"] == []
    assert desk.client.delete(path).status_code == 204
    assert desk.names() == []


@pytest.mark.parametrize(
    "name", ["ポケモン 赤 (Japan).gb", "🎮🕹️.sfc", "100% Complete.sfc", "a" * 251 + ".sfc"]
)
def test_names_of_all_kinds(desk: Desk, name: str) -> None:
    upload = desk.start(name)
    desk.send_all(upload)
    assert desk.show(upload)["filename"] == name
    assert desk.complete(upload).status_code == 201
    assert desk.names() == [name]


@pytest.mark.parametrize(
    "name",
    ["a/b.sfc", "../b.sfc", "/b.sfc", "a\\b.sfc", "..", ".", "", "a\0b", "a\nb", "con.sfc", "a:b",
     "end. ", "end.", "x" * 256, "é" * 128, f"{MARK}x.tmp", ".romm_lite_trash"],
)  # fmt: skip
def test_what_cannot_be_a_name_is_refused(desk: Desk, name: str) -> None:
    assert desk.announce(name).status_code == 400
    assert desk.names() == []


@pytest.mark.parametrize("missing", ["platform", "filename", "total-size", "total-chunks"])
def test_every_header_is_needed(desk: Desk, missing: str) -> None:
    answer = desk.announce()
    headers = dict(answer.request.headers)
    del headers[f"x-upload-{missing}"]
    answer = desk.client.post("/api/roms/upload/start", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", f"x-upload-{missing}"]


@pytest.mark.parametrize("header", ["platform", "total_size", "total_chunks"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "", "9" * 30])
def test_numbers_are_checked(desk: Desk, header: str, value: str) -> None:
    more: dict[str, Any] = {f"x_upload_{header}": value}
    assert desk.announce(**more).status_code == 422


def test_more_chunks_than_bytes_are_refused(desk: Desk) -> None:
    text = "3 bytes cannot come in 4 chunks of one size"
    assert told(desk.announce(size=3, chunks=4)) == (400, text)


def test_a_platform_that_is_not_there_or_hidden_is_not_found(desk: Desk) -> None:
    assert told(desk.announce(x_upload_platform=999)) == (400, "Platform not found")
    desk.home.hide(Entity.PLATFORMS, desk.platform)
    assert told(desk.announce()) == (400, "Platform not found")
    slug = {"x-upload-platform-slug": "snes"}
    headers = {**desk.announce().request.headers, **slug}
    del headers["x-upload-platform"]
    answer = desk.client.post("/api/roms/upload/start", headers=headers)
    assert told(answer) == (400, "Platform not found")


def announce_by_slug(desk: Desk, slug: str) -> Any:
    headers = {
        "x-upload-platform-slug": slug,
        "x-upload-filename": "New.bin",
        "x-upload-total-size": "1",
        "x-upload-total-chunks": "1",
    }
    return desk.client.post("/api/roms/upload/start", headers=headers)


def test_a_platform_named_by_its_folder_is_made(desk: Desk) -> None:
    assert announce_by_slug(desk, "nes").status_code == 403
    allow(desk.home, "ann", Entity.PLATFORMS)
    upload = announce_by_slug(desk, "nes").json()["upload_id"]
    platforms = {row["fs_slug"]: row["id"] for row in desk.client.get("/api/platforms").json()}
    assert desk.show(upload)["platform_id"] == platforms["nes"]
    assert desk.send(upload, 0, b"x").status_code == 200
    assert desk.complete(upload).status_code == 201
    assert (desk.folder.parent / "nes" / "New.bin").read_bytes() == b"x"
    assert announce_by_slug(desk, "snes").status_code == 201
    assert announce_by_slug(desk, "a/b").status_code == 422


def test_a_file_or_folder_of_that_name_is_in_the_way(desk: Desk) -> None:
    (desk.folder / "One (USA).sfc").mkdir()
    (desk.folder / "Two.sfc").write_bytes(b"")
    assert told(desk.announce()) == (400, "File One (USA).sfc already exists")
    assert told(desk.announce("Two.sfc")) == (400, "File Two.sfc already exists")


def test_a_file_that_appears_meanwhile_is_not_overwritten(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    (desk.folder / "One (USA).sfc").write_bytes(b"precious")
    assert told(desk.complete(upload)) == (409, "File One (USA).sfc already exists")
    assert (desk.folder / "One (USA).sfc").read_bytes() == b"precious"
    assert desk.told == []
    (desk.folder / "One (USA).sfc").unlink()
    assert desk.complete(upload).status_code == 201


def test_the_folder_of_a_platform_is_made_if_need_be(desk: Desk) -> None:
    desk.folder.rmdir()
    desk.send_all(upload := desk.start())
    assert desk.complete(upload).status_code == 201
    assert desk.names() == ["One (USA).sfc"]


def test_a_drive_that_is_not_there_is_not_made(desk: Desk) -> None:
    mapped = desk.home.settings.places.data / "drive" / "snes"
    config = f"library:\n  - path: {mapped}\n    platform: snes\n"
    desk.home.settings.places.config_file.write_text(config)
    desk.folder.rmdir()
    assert desk.announce().status_code == 503
    assert not mapped.exists()
    mapped.mkdir(parents=True)
    desk.send_all(upload := desk.start())
    assert desk.complete(upload).status_code == 201
    assert [path.name for path in mapped.iterdir()] == ["One (USA).sfc"]


def test_a_library_for_reading_only_takes_nothing(desk: Desk) -> None:
    upload = desk.start()
    object.__setattr__(desk.home.settings, "romm_library_read_only", True)
    assert desk.announce().status_code == 403
    assert desk.complete(upload).status_code == 403


def leave_free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, size))


def test_what_the_disk_cannot_hold_is_refused_at_once(
    desk: Desk, bob: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_free(monkeypatch, 1_000_000)
    expected = "The disk has 1 bytes too few for Big.sfc"
    assert told(desk.announce("Big.sfc", size=1_000_001)) == (507, expected)
    bob.start("Other.sfc", size=400_000, chunks=2)
    assert told(desk.announce("Big.sfc", size=600_001)) == (507, expected)
    desk.start("Big.sfc", size=600_000)
    desk.start("Big.sfc", size=600_000)


def test_what_has_come_is_not_counted_again(
    desk: Desk, bob: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = bob.start("Other.sfc", size=400_000, chunks=2)
    bob.send(upload, 0, bytes(200_000))
    taken = bob.part(upload).stat().st_blocks * 512
    assert taken >= 200_000
    leave_free(monkeypatch, 1_000_000)
    room = 1_000_000 - (400_000 - taken)
    assert desk.announce("Big.sfc", size=room + 1).status_code == 507
    assert desk.announce("Big.sfc", size=room).status_code == 201


def test_announcing_a_file_again_starts_it_anew(desk: Desk, bob: Desk) -> None:
    first, others = desk.start(), bob.start()
    second = desk.start()
    assert desk.show(first) == 404
    assert bob.show(others)["received"] == []
    assert len(desk.names()) == 4
    assert desk.show(second)["received"] == []


def test_a_user_can_open_so_many(desk: Desk, bob: Desk) -> None:
    number, entries = desk.home.users["ann"], desk.home.accounts.entries
    upload = desk.start()
    (session,) = entries.list_owner("uploads")
    for count in range(MOST_OPEN - 1):
        made = f"{count:032}"
        value = {**session.value, "upload_id": made, "filename": made}
        entries.put(f"upload:{made}", value, 60, "uploads")
    assert session.value["user_id"] == number
    assert desk.announce("Two.sfc").status_code == 429
    assert bob.announce("Two.sfc").status_code == 201
    assert desk.cancel(upload).status_code == 204
    assert desk.announce("Two.sfc").status_code == 201


@pytest.mark.parametrize("upload", ["x", "1", "é", "0" * 31])
def test_what_is_no_id_is_refused(desk: Desk, upload: str) -> None:
    refusal = (400, "Invalid upload ID")
    assert told(desk.send(upload, 0, b"")) == refusal
    assert told(desk.complete(upload)) == refusal
    assert told(desk.cancel(upload)) == refusal
    assert desk.show(upload) == 400


def test_an_upload_that_is_not_there(desk: Desk) -> None:
    nobody = str(uuid.uuid4())
    absent = (404, "Upload session not found or expired")
    assert told(desk.send(nobody, 0, b"")) == absent
    assert told(desk.complete(nobody)) == absent
    assert desk.cancel(nobody).status_code == 204
    assert desk.show(nobody) == 404


def test_an_upload_is_of_one_user(desk: Desk, bob: Desk) -> None:
    upload = desk.start()
    for answer in (bob.send(upload, 0, b""), bob.complete(upload), bob.cancel(upload)):
        assert told(answer) == (403, "Forbidden")
    assert bob.show(upload) == 403
    desk.send_all(upload)
    assert desk.complete(upload).status_code == 201
    assert bob.complete(upload).status_code == 404


def test_two_users_may_bring_the_same(desk: Desk, bob: Desk) -> None:
    mine, theirs = desk.start(), bob.start()
    desk.send_all(mine)
    bob.send_all(theirs, CONTENT[::-1])
    assert desk.complete(mine).status_code == 201
    assert told(bob.complete(theirs)) == (409, "File One (USA).sfc already exists")
    assert (desk.folder / "One (USA).sfc").read_bytes() == CONTENT


def test_chunks_are_checked(desk: Desk) -> None:
    upload = desk.start(chunks=2)
    assert told(desk.send(upload, 2, b"x")) == (400, "Chunk index 2 out of range (total: 2)")
    assert desk.send(upload, -1, b"x").status_code == 422
    assert desk.client.put(f"/api/roms/upload/{upload}", content=b"x").status_code == 422
    assert told(desk.send(upload, 0, b"x")) == (400, "Chunk 0 of 2 cannot have 1 bytes")
    assert desk.show(upload)["received"] == []


def test_a_chunk_has_64_mebibytes_at_most(desk: Desk) -> None:
    upload = desk.start(size=LARGEST_CHUNK + 1, chunks=1)
    assert told(desk.send(upload, 0, b"x")) == (413, "Chunk size exceeds server maximum")
    upload = desk.start(size=2 * LARGEST_CHUNK, chunks=2)
    headers = {"x-chunk-index": "0", "content-length": str(LARGEST_CHUNK + 1)}
    answer = desk.client.put(f"/api/roms/upload/{upload}", headers=headers, content=b"x")
    assert told(answer) == (413, "Chunk exceeds maximum allowed size")
    headers["content-length"] = "many"
    answer = desk.client.put(f"/api/roms/upload/{upload}", headers=headers, content=b"x")
    assert told(answer) == (400, "Invalid Content-Length header")


def test_a_chunk_is_checked_by_its_digest(desk: Desk) -> None:
    upload = desk.start(chunks=1)
    wrong = sha256(b"else").hexdigest()
    answer = desk.send(upload, 0, CONTENT, x_chunk_sha256=wrong)
    assert told(answer) == (400, "Chunk 0 does not match its checksum")
    assert desk.show(upload)["missing"] == [0]
    answer = desk.send(upload, 0, CONTENT, x_chunk_sha256=sha256(CONTENT).hexdigest())
    assert answer.json() == {"received": 1, "total": 1}
    assert desk.send(upload, 0, CONTENT, content_digest="sha-256=:x:").status_code == 400


def test_completing_needs_every_chunk(desk: Desk) -> None:
    upload = desk.start()
    desk.send(upload, 1, CONTENT[34:68])
    assert told(desk.complete(upload)) == (400, "Missing chunks: [0, 2]")
    desk.send(upload, 0, CONTENT[:34])
    desk.send(upload, 2, CONTENT[68:])
    assert desk.complete(upload).status_code == 201


def test_completing_again_tells_that_it_is_done(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    assert desk.complete(upload).status_code == 201
    assert told(desk.complete(upload)) == (409, TAKEN)
    assert desk.send(upload, 0, CONTENT[:34]).status_code == 404
    assert desk.cancel(upload).status_code == 204
    assert desk.names() == ["One (USA).sfc"]


def test_of_many_who_complete_one_does(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: desk.complete(upload).status_code, range(8)))
    assert sorted(answers) == [201] + [409] * 7
    assert len(desk.told) == 1


def test_the_whole_is_checked_if_asked(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    path = f"/api/roms/upload/{upload}/complete"
    wrong = desk.client.post(path, headers={"x-upload-sha1": "0" * 40})
    right = sha1(CONTENT).hexdigest()
    expected = f"The file does not match its checksum: its sha1 is {right}"
    assert told(wrong) == (400, expected)
    assert desk.client.post(path, headers={"x-upload-crc32": "xyz"}).status_code == 422
    answer = desk.client.post(path, headers={"x-upload-sha1": right, "x-upload-crc32": "0"})
    assert answer.status_code == 201


def test_cancelling_removes_what_has_come(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    answer = desk.cancel(upload)
    assert (answer.status_code, answer.content) == (204, b"")
    assert desk.names() == []
    assert desk.show(upload) == 404


def test_an_upload_goes_on_after_a_restart(desk: Desk) -> None:
    upload = desk.start()
    desk.send(upload, 2, CONTENT[68:])
    later = Desk(desk.home, desk.platform)
    assert later.show(upload)["missing"] == [0, 1]
    later.send(upload, 0, CONTENT[:34])
    later.send(upload, 1, CONTENT[34:68])
    assert later.complete(upload).status_code == 201
    assert (desk.folder / "One (USA).sfc").read_bytes() == CONTENT


def age(desk: Desk, seconds: int) -> None:
    """Make all uploads older."""
    with desk.home.database.write() as session:
        session.execute(update(ENTRIES).values(expires_at=ENTRIES.c.expires_at - seconds))


def test_a_chunk_gives_an_upload_another_day(desk: Desk) -> None:
    upload = desk.start()
    age(desk, LIFE // 2)
    before = desk.show(upload)["expires_at"]
    assert desk.send(upload, 0, CONTENT[:34]).status_code == 200
    assert desk.show(upload)["expires_at"] > before
    age(desk, LIFE + 1)
    assert desk.send(upload, 1, CONTENT[34:68]).status_code == 404


def purge(desk: Desk) -> None:
    purge_uploads(desk.home.library, TableEntries(desk.home.database))


def make_old(path: Path) -> None:
    yesterday = time.time() - LIFE - 60
    os.utime(path, (yesterday, yesterday))


def test_what_was_abandoned_is_cleared_away(desk: Desk) -> None:
    kept, left = desk.start(), str(uuid.uuid4())
    recent, other = desk.part(str(uuid.uuid4())), desk.folder / "Old.sfc"
    for path in (desk.part(left), journal_of(desk.part(left)), recent, other):
        path.write_bytes(b"x")
    for path in (desk.part(left), journal_of(desk.part(left)), desk.part(kept), other):
        make_old(path)
    purge(desk)
    expected = [desk.part(kept), journal_of(desk.part(kept)), recent, other]
    assert desk.names() == sorted(path.name for path in expected)
    assert desk.show(kept)["received"] == []


def test_an_upload_without_a_file_is_forgotten(desk: Desk) -> None:
    upload = desk.start()
    desk.part(upload).unlink()
    purge(desk)
    assert desk.show(upload)["received"] == []
    age(desk, 120)
    purge(desk)
    assert desk.show(upload) == 404
    assert desk.told == []


def test_a_file_is_told_of_though_the_server_was_cut_short(desk: Desk) -> None:
    upload = desk.start()
    desk.send_all(upload)
    desk.part(upload).rename(desk.folder / "One (USA).sfc")
    age(desk, 120)
    purge(desk)
    assert desk.told == [FilesArrived("snes", ("One (USA).sfc",))]
    assert desk.show(upload) == 404


def test_nothing_is_cleared_away_while_the_library_is_not_there(desk: Desk) -> None:
    upload = desk.start()
    library = desk.home.settings.places.library
    library.rename(library.with_name("elsewhere"))
    age(desk, 120)
    purge(desk)
    library.with_name("elsewhere").rename(library)
    assert desk.show(upload)["received"] == []


def test_a_folder_that_cannot_be_written_is_told_of(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    answer = desk.announce()
    monkeypatch.undo()
    text = "The folder of snes cannot be written: Permission denied"
    assert told(answer) == (503, text)
    assert desk.home.accounts.entries.list_owner("uploads") == []


def test_a_full_disk_is_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = desk.start()
    full = Path("/dev/full")
    desk.part(upload).unlink()
    desk.part(upload).symlink_to(full)
    assert desk.send(upload, 0, CONTENT[:34]).status_code == 507


@pytest.mark.parametrize("path", ["", "/session"])
def test_a_slash_at_the_end_makes_no_difference(desk: Desk, path: str) -> None:
    upload = desk.start()
    first = desk.client.get(f"/api/roms/upload/{upload}{path}")
    assert first.json() == desk.client.get(f"/api/roms/upload/{upload}{path}/").json()
    assert desk.client.post(f"/api/roms/upload/{upload}/cancel/").status_code == 204
