"""The first account and ways to log in, over HTTP as somebody with curl meets them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import absent
from tests.e2e.conftest import WAIT, WHO, Home, Server, make_home

NEW = {"username": WHO[0], "email": "", "password": WHO[1], "role": "admin"}
README = Path(__file__).parents[2] / "README.md"


@contextmanager
def browse(server: Server) -> Iterator[httpx.Client]:
    """A client that keeps cookies and has the CSRF token, but no account."""
    with httpx.Client(base_url=server.url, timeout=WAIT) as client:
        client.get("/api/heartbeat").raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["romm_csrftoken"]
        yield client


@pytest.fixture(scope="module")
def claimed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose first account was made with the command the README gives."""
    if shutil.which("curl") is None:
        absent("curl is not installed")
    folder = tmp_path_factory.mktemp("claimed")
    with make_home(folder).serve() as server:
        command = re.findall(r"^ {7}(curl -X POST.*?\n)\n", README.read_text(), re.M | re.S)[0]
        for old, new in (
            ("http://localhost:8080", server.url),
            ('"me"', f'"{WHO[0]}"'),
            ('"choose-one"', f'"{WHO[1]}"'),
        ):
            assert old in command
            command = command.replace(old, new)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            timeout=WAIT,
            check=True,
        )
        assert b'"username":"keeper"' in done.stdout, done
        yield server


def test_the_command_of_the_readme_makes_an_administrator(claimed: Server) -> None:
    me = claimed.get("/api/users/me")
    assert (me["username"], me["role"]) == (WHO[0], "admin")
    assert claimed.get("/api/heartbeat")["SYSTEM"]["SHOW_SETUP_WIZARD"] is False


def test_a_second_account_is_not_for_anybody(claimed: Server) -> None:
    with browse(claimed) as client:
        answer = client.post("/api/users", json={**NEW, "username": "second"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


def test_logging_in_and_out_with_cookies(claimed: Server) -> None:
    with browse(claimed) as client:
        assert client.get("/api/users/me").status_code == 401
        answer = client.post("/api/login", auth=WHO)
        assert (answer.status_code, answer.json()) == (200, None)
        assert client.get("/api/users/me").json()["username"] == WHO[0]
        assert client.post("/api/logout").text == "CSRF token verification failed"
        client.headers["x-csrftoken"] = client.cookies["romm_csrftoken"]
        assert client.post("/api/logout").status_code == 200
        answer = client.get("/api/users/me")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


def test_a_wrong_password_is_refused(claimed: Server) -> None:
    with browse(claimed) as client:
        answer = client.post("/api/login", auth=(WHO[0], "wrong"))
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Incorrect username or password"}


def grant(server: Server, **form: str) -> httpx.Response:
    return httpx.post(f"{server.url}/api/token", data=form, timeout=WAIT)


def bear(server: Server, path: str, token: str) -> httpx.Response:
    return httpx.get(server.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=WAIT)


def test_a_token_opens_what_it_was_asked_for(claimed: Server) -> None:
    name, password = WHO
    answer = grant(
        claimed, grant_type="password", username=name, password=password, scope="roms.read"
    )
    token = answer.raise_for_status().json()
    assert (token["token_type"], token["expires"]) == ("bearer", 1800)
    assert bear(claimed, "/api/roms", token["access_token"]).status_code == 200
    assert bear(claimed, "/api/users", token["access_token"]).status_code == 403
    assert bear(claimed, "/api/roms", token["refresh_token"]).status_code == 401
    assert bear(claimed, "/api/roms", "nonsense").status_code == 401


def test_a_token_is_refreshed_once(claimed: Server) -> None:
    name, password = WHO
    first = grant(claimed, username=name, password=password, scope="me.read").json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = grant(claimed, **form).raise_for_status().json()
    assert bear(claimed, "/api/users/me", second["access_token"]).status_code == 200
    again = grant(claimed, **form)
    assert (again.status_code, again.json()) == (401, {"detail": "Could not validate credentials"})


@pytest.fixture(scope="module")
def unclaimed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("unclaimed"))


def test_from_elsewhere_the_first_account_needs_the_token_the_server_prints(
    unclaimed: Home,
) -> None:
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    with unclaimed.serve() as server, browse(server) as client:
        assert client.get("/api/heartbeat").json()["SYSTEM"]["SHOW_SETUP_WIZARD"] is True
        refused = client.post("/api/users", json=NEW, headers=elsewhere)
        assert (refused.status_code, refused.json()) == (403, {"detail": "Setup token required"})
        printed = re.search(r"/setup\?token=([\w-]+)", server.log.read_text())
        assert printed is not None
        file = unclaimed.data / "setup-token"
        assert file.stat().st_mode & 0o777 == 0o600
        for token, expected in (("wrong", 403), (printed[1], 201), (printed[1], 401)):
            headers = {**elsewhere, "X-Setup-Token": token}
            answer = client.post("/api/users", json=NEW, headers=headers)
            assert answer.status_code == expected, (token, answer.text)
        assert not file.exists()
        assert httpx.get(f"{server.url}/api/users/me", auth=WHO).status_code == 200


def follow(server: Server, link: str, path: str, **body: str) -> httpx.Response:
    """Send what the page behind a printed link would send."""
    with browse(server) as client:
        return client.post(path, json={**body, "token": link.partition("?token=")[2].strip()})


def test_an_invitation_of_the_command_line_leads_to_an_account(home: Home) -> None:
    with home.serve() as server:
        done = home.run("user", "invite", "--role", "editor", "--expiration", "3600")
        assert done.stdout.startswith(f"{server.url}/register?token="), done
        body = {"username": "friend", "email": "", "password": "correct-horse"}
        answer = follow(server, done.stdout, "/api/users/register", **body)
        assert (answer.status_code, answer.json()["permission_group_id"]) == (201, 2)
        body["username"] = "foe"
        assert follow(server, done.stdout, "/api/users/register", **body).status_code == 400
        assert "?token=" not in server.log.read_text()
    assert "?token=" not in done.stderr


def test_a_reset_link_of_the_command_line_leads_to_a_new_password(home: Home) -> None:
    with home.serve() as server:
        done = home.run("user", "reset-link", WHO[0].upper())
        assert done.stdout.startswith(f"{server.url}/reset-password?token="), done
        answer = follow(server, done.stdout, "/api/reset-password", new_password="battery staple")
        assert (answer.status_code, answer.json()) == (200, None)
        old, new = (
            httpx.get(f"{server.url}/api/users/me", auth=(WHO[0], password), timeout=WAIT)
            for password in (WHO[1], "battery staple")
        )
        assert (old.status_code, new.status_code) == (401, 200)
        assert "?token=" not in server.log.read_text()
    assert "?token=" not in done.stderr


def test_a_reset_link_for_nobody_is_refused(home: Home) -> None:
    done = home.run("user", "reset-link", "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "User not found" in done.stderr


def test_nobody_is_invited_before_there_is_an_account(tmp_path: Path) -> None:
    done = make_home(tmp_path).run("user", "invite")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Create the first account before you invite others" in done.stderr
