from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from romm_lite.web.middleware import Compression
from romm_lite.web.render import Shield
from romm_lite.web.static import (
    ASK,
    FOR_AN_HOUR,
    FOREVER,
    Audience,
    Folder,
    type_of_image,
    type_of_name,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "resources"
    (folder / "roms/1").mkdir(parents=True)
    (folder / "roms/1/big.png").write_bytes(PNG)
    (folder / "roms/1/small.png").write_bytes(WEBP)
    (folder / "roms/1/a b.pdf").write_bytes(b"%PDF")
    (folder / "roms/1/logo.svg").write_text("<svg/>")
    (folder / "roms/1/empty.png").touch()
    (folder / "app.js").write_text("let x = 1;" * 500)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def mount(folder: ASGIApp) -> TestClient:
    routes = [Mount("/assets", Compression(Shield(folder)))]
    return TestClient(Starlette(routes=routes))


@pytest.fixture
def client(root: Path) -> TestClient:
    return mount(Folder(root))


def test_file(client: TestClient) -> None:
    answer = client.get("/assets/roms/1/big.png")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == FOR_AN_HOUR
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    "query", ["ts=2026-01-02%2003:04:05+00:00", "ts=2026-01-02 03:04:05+00:00", "v=1", "v="]
)
def test_versioned_file_is_kept_forever(client: TestClient, query: str) -> None:
    answer = client.get(f"/assets/roms/1/big.png?{query}")
    assert answer.headers["cache-control"] == FOREVER


def test_type_is_that_of_the_bytes(client: TestClient) -> None:
    answer = client.get("/assets/roms/1/small.png")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.content == WEBP


def test_empty_image(client: TestClient) -> None:
    answer = client.get("/assets/roms/1/empty.png")
    assert (answer.status_code, answer.content) == (200, b"")


def test_space_in_a_name(client: TestClient) -> None:
    assert client.get("/assets/roms/1/a%20b.pdf").headers["content-type"] == "application/pdf"


def test_head(client: TestClient) -> None:
    answer = client.head("/assets/roms/1/big.png")
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(PNG)))


def test_known_file_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/assets/roms/1/big.png").headers["etag"]
    answer = client.get("/assets/roms/1/big.png", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


def test_compressed_file_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/assets/app.js")
    assert first.headers["content-encoding"] == "gzip"
    tag = first.headers["etag"]
    assert client.get("/assets/app.js", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "",
        "roms",
        "roms/1/",
        "roms/1/none.png",
        "%2e%2e/secret.txt",
        "roms/%2e%2e/%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "a%00b",
        "/etc/passwd",
        "%2fetc/passwd",
    ],
)
def test_what_is_no_file_below_the_folder(client: TestClient, path: str) -> None:
    answer = client.get(f"/assets/{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_other_methods(client: TestClient) -> None:
    answer = client.post("/assets/roms/1/big.png")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_foreign_svg_runs_nothing(client: TestClient) -> None:
    answer = client.get("/assets/roms/1/logo.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_our_own_svg_may(root: Path) -> None:
    answer = mount(Folder(root, scripts=True)).get("/assets/roms/1/logo.svg")
    assert "content-security-policy" not in answer.headers


def test_what_a_visitor_may_not_have_is_not_there(root: Path) -> None:
    asked: list[str] = []

    def judge(request: Request, relative: str) -> Audience:
        asked.append(relative)
        is_known = request.headers.get("x-user") == "admin"
        return Audience.EVERYBODY if is_known else Audience.NOBODY

    client = mount(Folder(root, audience=judge))
    assert client.get("/assets/roms/1/big.png").status_code == 404
    assert client.get("/assets/roms/1/big.png", headers={"x-user": "admin"}).status_code == 200
    assert set(asked) == {"roms/1/big.png"}


def test_what_is_not_for_everybody_is_not_kept_for_others(root: Path) -> None:
    client = mount(Folder(root, audience=lambda _request, _relative: Audience.SOME))
    answer = client.get("/assets/roms/1/big.png?ts=1")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, ASK)
    known = {"if-none-match": answer.headers["etag"]}
    again = client.get("/assets/roms/1/big.png?ts=1", headers=known)
    assert (again.status_code, again.headers["cache-control"]) == (304, ASK)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.PNG", "image/png"), ("a", "application/octet-stream"), ("a.tar.zip", "application/zip")],
)
def test_types_by_name(name: str, kind: str) -> None:
    assert type_of_name(name) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"\0\0\0\x20ftypavif", "image/avif"),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_types_by_bytes(head: bytes, kind: str | None) -> None:
    assert type_of_image(head) == kind
