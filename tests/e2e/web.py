"""RomM's web interface as far as a server can tell it from others: cookie, CSRF token, calls."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.disk.music import draw, make_mp3
from tests.e2e.conftest import WAIT, WHO, Home, Server
from tests.e2e.library import make_bytes, write

GAMES = (
    *("Alpha (USA).nes", "Beta (Japan) [!].nes", "Gamma (Europe) (En,Fr).nes"),
    *("Renamed.sfc", "Deleted.sfc", "Folded.sfc", "Read.sfc", "Heard.sfc", "Seen.sfc"),
    *("Patched.sfc", "Noted.sfc", "Liked.sfc", "Covered.sfc", "Played.sfc", "Kept.sfc"),
)
FOLDER = "Discs (USA)"
TRIMMED = "Trimmed"
PLATFORMS = {".nes": "nes", ".sfc": "snes"}


def write_games(library: Path) -> None:
    """One game for each call that changes one, so that no call minds another."""
    for name in GAMES:
        platform = PLATFORMS[Path(name).suffix]
        write(library / "roms" / platform / name, make_bytes(name, 5000))
    for name in ("1.bin", "1.cue", "2.bin", "2.cue"):
        write(library / "roms/psx" / FOLDER / name, make_bytes(name, 3000))
        write(library / "roms/snes" / TRIMMED / name, make_bytes(name, 300))
    write(library / "roms/gb/Small.gb", make_bytes("Small", 100))
    write(library / "bios/nes/boot.rom", make_bytes("boot", 8192))


@dataclass(frozen=True)
class Web:
    """Somebody at the web interface, who is logged in as the administrator."""

    home: Home
    client: httpx.Client
    ids: dict[str, int]
    """Of the ROMs, by the names they had in the beginning."""

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer that must be fine."""
        answer = self.send(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = self.client.cookies.get("romm_csrftoken") or ""
        headers = {"x-csrftoken": token, **options.pop("headers", {})}
        return self.client.request(method, f"/api{path}", headers=headers, **options)

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, params=params).json()

    def names(self, **params: Any) -> list[str]:
        """Names of the ROMs that a list has."""
        return [rom["fs_name"] for rom in self.get("/roms", **params)["items"]]

    def rom(self, name: str) -> Any:
        """All there is to know of a ROM."""
        return self.get(f"/roms/{self.ids[name]}")

    def file(self, name: str) -> int:
        """The id of a ROM's only file."""
        (found,) = self.rom(name)["files"]
        return int(found["id"])

    def platform(self, fs_slug: str) -> Any:
        return next(each for each in self.get("/platforms") if each["fs_slug"] == fs_slug)

    def upload(self, path: str, name: str, content: bytes) -> httpx.Response:
        """Bring a file as the dialogs for manuals, music and pictures do."""
        headers = {"X-Upload-Filename": name}
        return self.ask("POST", path, headers=headers, files={name: (name, content)})

    def start_upload(self, name: str, size: int, chunks: int) -> str:
        headers = {
            "X-Upload-Platform": str(self.platform("snes")["id"]),
            "X-Upload-Filename": name,
            "X-Upload-Total-Size": str(size),
            "X-Upload-Total-Chunks": str(chunks),
        }
        upload: str = self.ask("POST", "/roms/upload/start", headers=headers).json()["upload_id"]
        return upload

    def find_files(self, name: str, category: str) -> list[dict[str, Any]]:
        return [file for file in self.rom(name)["files"] if file["category"] == category]

    def keep_beside(self, name: str, kind: str, category: str, file: str, content: bytes) -> Any:
        """Bring a file into the ROM's folder; gives what is sent of it, and its path to delete."""
        base = f"/roms/{self.ids[name]}/{kind}"
        assert self.upload(base, file, content).status_code == 201
        (kept,) = self.find_files(name, category)
        shown = self.ask("GET", f"/roms/{kept['id']}/files/content/{file}")
        assert shown.content == content
        return shown, f"{base}/{kept['id']}"

    def song(self) -> bytes:
        return make_mp3(self.home.data / "song.mp3").read_bytes()


@contextmanager
def open_web(home: Home, server: Server) -> Iterator[Web]:
    with httpx.Client(base_url=server.url, timeout=WAIT) as client:
        web = Web(home, client, {name: rom["id"] for name, rom in server.roms().items()})
        web.ask("GET", "/heartbeat")
        web.ask("POST", "/login", json={}, auth=WHO)
        client.cookies.delete("romm_csrftoken")
        web.ask("GET", "/heartbeat")
        yield web


def form(**fields: Any) -> dict[str, Any]:
    """The fields as ``multipart/form-data``; what is no text as JSON."""
    texts = {
        name: each if isinstance(each, str) else json.dumps(each) for name, each in fields.items()
    }
    return {name: (None, text) for name, text in texts.items()}


def picture() -> bytes:
    return draw("png", (600, 800))


Call = Callable[[Web], None]
