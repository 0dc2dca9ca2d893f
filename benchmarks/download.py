"""How fast large files go out, beside nginx with sendfile on the same file in the same run."""

import multiprocessing
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks import measure
from benchmarks.client import fetch
from benchmarks.library_files import make_large_file
from benchmarks.measure import MB, MIB, Report, at_least, at_most, median, say
from benchmarks.scan import run_scan
from benchmarks.server import add_keeper, find_port, run, serve, wait_until
from romm_lite.kernel.paths import Places

SIZE, DISC, DISCS = 1024 * MIB, 256 * MIB, 4
SPARSE, SPARSES, MEMORY_MB = 1100 * MIB, 4, 30
SMALLER = 16
TAKES = 5
GAME, FOLDER = "Long Voyage (USA).iso", "Many Discs (Europe)"
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log; worker_processes 1; {user}
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""
Take = Callable[[], dict[str, Any]]


def make_library(library: Path, share: int) -> None:
    psx = library / "roms" / "psx"
    make_large_file(psx / GAME, SIZE // share)
    for number in range(1, DISCS + 1):
        make_large_file(psx / FOLDER / f"{FOLDER} (Disc {number}).bin", DISC // share)


def make_sparse(library: Path, share: int) -> None:
    """Games that take no space; together more than the old format of archives can hold."""
    switch = library / "roms" / "switch"
    switch.mkdir(parents=True)
    for number in range(SPARSES):
        with (switch / f"Wide Field {number}.nsp").open("wb") as file:
            file.truncate(SPARSE // share)


@contextmanager
def serve_by_nginx(program: str, folder: Path, root: Path) -> Iterator[int]:
    """nginx as Debian configures it, in a process of its own; gives its port."""
    port = find_port()
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, root=root, user=user))
    log = folder / "nginx.log"
    words = [program, "-c", str(config), "-p", str(folder), "-e", str(folder / "nginx-early.log")]
    with run(words, log, folder) as process:
        wait_until(lambda: listens(port), process, log)
        yield port


@contextmanager
def serve_by_sendfile(root: Path) -> Iterator[int]:
    """The least a program can do: Python's ``socket.sendfile`` in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = multiprocessing.get_context("fork")
        child = context.Process(target=_send_files, args=(listening, root), daemon=True)
        child.start()
        try:
            yield listening.getsockname()[1]
        finally:
            child.kill()
            child.join()


def _send_files(listening: socket.socket, root: Path) -> None:
    while True:
        connection, _ = listening.accept()
        with connection, (root / "roms" / "psx" / GAME).open("rb") as file:
            request = connection.recv(65536).decode("latin-1").lower()
            size = os.fstat(file.fileno()).st_size
            start = int(request.partition("range: bytes=")[2].partition("-")[0] or 0)
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {size - start}\r\n\r\n"
            connection.sendall(head.encode())
            connection.sendfile(file, start)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def find_roms(port: int, headers: Mapping[str, str]) -> dict[str, int]:
    """The ids of the library's ROMs by name."""
    answer = httpx.get(f"http://127.0.0.1:{port}/api/roms", headers=headers)
    return {rom["fs_name"]: rom["id"] for rom in answer.raise_for_status().json()["items"]}


def take_all(takes: Mapping[str, Take], rounds: int) -> dict[str, dict[str, float]]:
    """Every download in turn, ``rounds`` times over: MB/s and the wait for the first byte."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in takes}
    for number in range(rounds):
        say(f"downloads, round {number + 1} …")
        for name, take in takes.items():
            found[name].append(take())
    return {name: describe(each) for name, each in found.items()}


def describe(taken: list[dict[str, Any]]) -> dict[str, float]:
    rates = [each["bytes"] / MB / each["seconds"] for each in taken]
    return {
        "mb_per_s": round(median(rates)),
        "best_mb_per_s": round(max(rates)),
        "wait_ms": round(median([each["wait"] * 1000 for each in taken]), 2),
        "mib": taken[0]["bytes"] // MIB,
    }


def measure_all(folder: Path) -> tuple[dict[str, dict[str, float]], float]:
    """Figures of all downloads, and the server's memory after them."""
    nginx = shutil.which("nginx")
    library = folder / "data" / "library"
    reference = serve_by_nginx(nginx, folder, library) if nginx else serve_by_sendfile(library)
    with reference as other, serve(folder / "data") as server:
        headers = server.sign_in()
        ids = find_roms(server.port, headers)
        half = (library / "roms" / "psx" / GAME).stat().st_size // 2
        game = f"/api/roms/{ids[GAME]}/content/{quote(GAME)}"
        plain = f"/roms/psx/{quote(GAME)}"
        rest = {"Range": f"bytes={half}-"}
        name = "nginx" if nginx else "sendfile"
        takes: dict[str, Take] = {
            name: lambda: fetch(other, plain, {}),
            "server": lambda: fetch(server.port, game, headers),
            f"{name}_resumed": lambda: fetch(other, plain, rest),
            "server_resumed": lambda: fetch(server.port, game, {**headers, **rest}),
            "server_zip": lambda: fetch(
                server.port, f"/api/roms/{ids[FOLDER]}/content/{quote(FOLDER)}", headers
            ),
        }
        return take_all(takes, TAKES), measure.resident_mb(server.pid)


def measure_bulk(folder: Path) -> dict[str, float]:
    """A whole platform as one archive, and how far the server's memory grew meanwhile."""
    with serve(folder / "data") as server:
        headers = server.sign_in()
        ids = find_roms(server.port, headers)
        wanted = ",".join(str(ids[name]) for name in ids if name.endswith(".nsp"))
        before = peak = measure.resident_mb(server.pid)
        with ThreadPoolExecutor(1) as pool:
            say("bulk archive …")
            path = f"/api/roms/download?rom_ids={wanted}"
            taken = pool.submit(fetch, server.port, path, headers)
            while not taken.done():
                peak = max(peak, measure.resident_mb(server.pid))
                time.sleep(0.02)
        return {**describe([taken.result()]), "grew_mb": round(peak - before, 1)}


def main() -> None:
    share = SMALLER if measure.wants_small() else 1
    with measure.temporary_folder() as folder:
        places = Places.at(folder / "data")
        say("making large files …")
        make_library(places.library, share)
        make_sparse(places.library, share)
        run_scan(places.data, places.library)
        add_keeper(places.data)
        figures, memory = measure_all(folder)
        bulk = measure_bulk(folder)
        machine = measure.describe_machine(places.database)
    reference = figures.get("nginx") or figures["sendfile"]
    resumed = figures.get("nginx_resumed") or figures["sendfile_resumed"]
    whole = figures["server"]["mb_per_s"] / reference["mb_per_s"]
    rest = figures["server_resumed"]["mb_per_s"] / resumed["mb_per_s"]
    Report(
        "download",
        machine,
        {"nginx": None, **figures, "bulk": bulk, "resident_mb": memory},
        {
            "whole": at_least(round(whole, 3), 0.8, "of nginx"),
            "bulk_grew_mb": at_most(bulk["grew_mb"], MEMORY_MB, "MB"),
            "resumed": at_least(round(rest, 3), 0.8, "of nginx"),
        },
    ).print()


if __name__ == "__main__":
    main()
