"""Tries built programs as a newcomer would: ``python -m tests.smoke PROGRAM [PROGRAM …]``.

Prints a line for each and exits 1 at the first that does not do what it should.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import httpx

WAIT = 60.0
WHO = ("keeper", "correct-horse")
PICTURE = bytes.fromhex("524946461a000000574542505650384c0e0000002f00000000071011fd0f4444ff03")
"""A WebP of one pixel."""


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=WAIT, check=False
    )
    if done.returncode:
        raise SystemExit(f"{program} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def make_library(data: Path) -> None:
    nes = data / "library" / "roms" / "nes"
    nes.mkdir(parents=True)
    (nes / "Moss Runner (USA).nes").write_bytes(b"NES\x1a" + bytes(16380))
    with ZipFile(nes / "Lantern Keep (Europe) (Rev 1).zip", "w") as archive:
        archive.writestr("Lantern Keep.nes", b"NES\x1a" + b"\1" * 8188)


@contextmanager
def serve(program: Path, data: Path) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(program), "serve", "--data-dir", str(data), "--port", str(port)]
    with (
        subprocess.Popen([*command, "--host", "127.0.0.1"]) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=WHO) as client,
    ):
        try:
            wait_for(client, server)
            yield client
        finally:
            server.terminate()
            server.wait(WAIT)


def wait_for(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            client.get("/api/heartbeat").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not come up")


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise SystemExit(f"Not as it should be: {what}")


def try_program(program: Path) -> None:
    expect(bool(re.search(r"\d+\.\d+\.\d+", run(program, "--version"))), "--version")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        make_library(data)
        where = ("--data-dir", str(data))
        name, password = WHO
        run(program, "user", "create", name, "--role", "admin", "--password", password, *where)
        with serve(program, data) as client:
            stats = json.loads(run(program, "scan", "--json", *where))["stats"]
            expect(stats["new_roms"] == 2, f"two new ROMs, not {stats}")
            pulse = client.get("/api/heartbeat").json()
            expect(pulse["FILESYSTEM"]["FS_PLATFORMS"] == ["nes"], "heartbeat")
            roms = client.get("/api/roms").raise_for_status().json()["items"]
            expect([rom["name"] for rom in roms] == ["Lantern Keep", "Moss Runner"], "list")
            path = f"/api/roms/{roms[1]['id']}/content/game.nes"
            expect(len(client.get(path).content) == 16384, "download")
            expect(client.get("/api/docs").status_code == 200, "API pages")
            client.put("/api/users/1", files={"avatar": PICTURE}).raise_for_status()
            expect(client.get("/api/users/1/avatar").content[8:12] == b"WEBP", "pictures")
        expect("sound" in run(program, "db", "check", *where), "db check")


def main() -> None:
    for name in sys.argv[1:]:
        program = Path(name).resolve()
        started = time.monotonic()
        try_program(program)
        seconds = time.monotonic() - started
        print(f"{name}: fine ({program.stat().st_size / 2**20:.0f} MiB, {seconds:.1f} s)")  # noqa: T201


if __name__ == "__main__":
    main()
