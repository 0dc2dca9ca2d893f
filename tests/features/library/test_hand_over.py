"""Files that are left to the nginx in front to send."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import Entity
from tests.web.support import serve

from .conftest import Home

NAME = "Möss 50% #1? (USA).sfc"
CONTENT = bytes(range(256)) * 40
ADDRESS = "/library/roms/snes/M%C3%B6ss%2050%25%20%231%3F%20%28USA%29.sfc"
OFFER = (
    "attachment; filename*=UTF-8''M%C3%B6ss%2050%25%20%231%3F%20%28USA%29.sfc; "
    'filename="M%C3%B6ss%2050%25%20%231%3F%20%28USA%29.sfc"'
)
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ worker_connections 64; }}
http {{
  access_log off; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {upstream}; proxy_http_version 1.1; }}
    {block}
  }}
}}
"""


@pytest.fixture
def home(home: Home) -> Home:
    settings = home.settings.model_copy(update={"romm_x_accel_redirect": "/library"})
    return replace(home, settings=settings, library=Library(settings, home.database))


@pytest.fixture
def rom(home: Home) -> int:
    rom = home.rom(NAME, home.platform("snes"))
    home.file(rom, f"roms/snes/{NAME}", CONTENT)
    return rom


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_is_handed_over(home: Home, rom: int, method: str) -> None:
    answer: Any = home.client().request(method, f"/api/roms/{rom}/content/x")
    assert (answer.status_code, answer.content) == (200, b"")
    headers = answer.headers
    assert headers["x-accel-redirect"] == ADDRESS
    assert headers["content-disposition"] == OFFER
    assert headers["content-type"] == "application/octet-stream"
    assert headers["etag"].startswith('"')
    assert headers["accept-ranges"] == "bytes"


def test_conditions_are_left_to_nginx(home: Home, rom: int) -> None:
    path = f"/api/roms/{rom}/content/x"
    for headers in ({"if-none-match": "*"}, {"range": "bytes=999999-"}):
        answer: Any = home.client().get(path, headers=headers)
        assert (answer.status_code, answer.headers["x-accel-redirect"]) == (200, ADDRESS)


def test_who_may_not_have_it_is_not_told_where_it_is(home: Home, rom: int) -> None:
    home.hide(Entity.ROMS, rom)
    for client, status in ((home.client("ann"), 404), (home.client(None), 401)):
        answer: Any = client.get(f"/api/roms/{rom}/content/x")
        assert answer.status_code == status
        assert "x-accel-redirect" not in answer.headers


def test_a_file_that_is_gone_is_not_handed_over(home: Home, rom: int) -> None:
    (home.settings.places.library / "roms/snes" / NAME).unlink()
    answer: Any = home.client().get(f"/api/roms/{rom}/content/x")
    assert answer.json() == {"detail": f"File {NAME} not found on disk for ROM {rom}"}
    assert "x-accel-redirect" not in answer.headers


def test_archives_are_sent(home: Home, rom: int) -> None:
    home.file(rom, "roms/snes/second.sfc", b"second")
    answer: Any = home.client().get(f"/api/roms/{rom}/content/x")
    assert answer.content.startswith(b"PK")
    assert "x-accel-redirect" not in answer.headers


def test_a_folder_that_is_mapped_into_the_library_is_sent(home: Home, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "One.gb").write_bytes(CONTENT)
    home.settings.places.config.mkdir(exist_ok=True)
    home.settings.places.config_file.write_text(
        f"library:\n  - path: {elsewhere}\n    platform: gb\n"
    )
    rom = home.rom("One.gb", home.platform("gb"), fs_path="roms/gb")
    home.file(rom, "roms/gb/One.gb", None)
    answer: Any = home.client().get(f"/api/roms/{rom}/content/x")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "x-accel-redirect" not in answer.headers


def test_nobody_hands_over_unless_told(home: Home, rom: int) -> None:
    settings = home.settings.model_copy(update={"romm_x_accel_redirect": ""})
    plain = replace(home, settings=settings, library=Library(settings, home.database))
    answer: Any = plain.client().get(f"/api/roms/{rom}/content/x")
    assert answer.content == CONTENT


def read_block(library: Path) -> str:
    """The location that the documentation tells to write."""
    page = (Path(__file__).parents[3] / "docs" / "proxies.md").read_text()
    block = page.partition("    location /library/ {")[2].partition("\n\n")[0]
    return f"location /library/ {{{block}".replace("/srv/romm/library/", f"{library}/")


@contextmanager
def run_nginx(folder: Path, upstream: str, library: Path) -> Iterator[str]:
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    block, config = read_block(library), folder / "nginx.conf"
    words = {"folder": folder, "port": port, "user": user, "upstream": upstream, "block": block}
    config.write_text(NGINX.format(**words))
    program = shutil.which("nginx") or "nginx"
    command = [program, "-c", str(config), "-p", str(folder), "-e", str(folder / "early.log")]
    with subprocess.Popen(command) as process:
        try:
            for _ in range(500):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
def test_nginx_sends_it(home: Home, rom: int, tmp_path: Path) -> None:
    client = home.client()
    token = {"authorization": client.headers["authorization"]}
    with (
        serve(client.app) as server,
        run_nginx(tmp_path / "nginx", server.url, home.settings.places.library) as front,
    ):
        url = f"{front}/api/roms/{rom}/content/x"
        whole = httpx.get(url, headers=token)
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-disposition"] == OFFER
        assert whole.headers["content-type"] == "application/octet-stream"
        assert whole.headers["x-content-type-options"] == "nosniff"
        part = httpx.get(url, headers={**token, "range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, CONTENT[100:200])
        tag = whole.headers["etag"]
        assert httpx.get(url, headers={**token, "if-none-match": tag}).status_code == 304
        resumed = {**token, "range": "bytes=9000-", "if-range": tag}
        assert httpx.get(url, headers=resumed).content == CONTENT[9000:]
        head = httpx.head(url, headers=token)
        assert head.headers["content-length"] == str(len(CONTENT))
        assert httpx.get(url).status_code == 401
        assert httpx.get(front + ADDRESS).status_code == 404
