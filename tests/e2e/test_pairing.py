"""A handheld comes to its token, over HTTP as its programs and a browser ask for it."""

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.e2e.conftest import WAIT, NewHome, Server

HANDHELD = ["me.read", "platforms.read", "roms.read", "devices.read", "devices.write"]


def ask(server: Server, method: str, path: str, token: str = "", **values: Any) -> httpx.Response:
    """A request of a device, which knows the address and perhaps a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{server.url}{path}"
    return httpx.request(method, url, headers=headers, timeout=WAIT, **values)


def poll(server: Server, device_code: str) -> httpx.Response:
    return ask(server, "POST", "/api/auth/device/token", json={"device_code": device_code})


@pytest.mark.parametrize("sub_path", ["", "/games"])
def test_a_code_brings_a_token_to_a_handheld(new_home: NewHome, sub_path: str) -> None:
    home = new_home(ROMM_ROOT_PATH=sub_path, ROMM_BASE_URL="https://romm.example")
    with home.serve() as server:
        body = {"name": "handheld", "scopes": HANDHELD, "expires_in": "90d"}
        made = server.client.post("/api/client-tokens", json=body)
        assert made.status_code == 201
        token = made.json()
        offered = server.client.post(f"/api/client-tokens/{token['id']}/pair").json()
        assert offered["link"] == f"https://romm.example{sub_path}/pair?code={offered['code']}"
        picture = server.client.get(f"/api/client-tokens/pair/{offered['code']}/qr.svg")
        assert ElementTree.fromstring(picture.content).tag == "{http://www.w3.org/2000/svg}svg"

        status = f"/api/client-tokens/pair/{offered['code']}/status"
        assert ask(server, "GET", status).status_code == 200
        typed = {"code": f"{offered['code'][:4]}-{offered['code'][4:]}".lower()}
        got = ask(server, "POST", "/api/client-tokens/exchange", json=typed).json()
        assert ask(server, "GET", status).status_code == 404
        assert ask(server, "GET", "/api/platforms", got["raw_token"]).status_code == 200
        assert ask(server, "GET", "/api/platforms", token["raw_token"]).status_code == 401
        again = ask(server, "POST", "/api/client-tokens/exchange", json=typed)
        assert again.json() == {"detail": "Invalid or expired pairing code"}
        assert got["raw_token"] not in server.log.read_text()


def test_a_device_is_approved_and_revoked(new_home: NewHome) -> None:
    with new_home().serve() as server:
        body = {
            "client_device_identifier": "0123-4567",
            "name": "Brick",
            "client": "grout",
            "requested_scopes": HANDHELD,
        }
        begun = ask(server, "POST", "/api/auth/device/init", json=body)
        assert begun.status_code == 201
        flow = begun.json()
        waiting = poll(server, flow["device_code"])
        assert (waiting.status_code, waiting.json()) == (400, {"detail": "authorization_pending"})

        pending = server.get(f"/api/auth/device/pending/{flow['user_code']}")
        answer = {"user_code": flow["user_code"], "approved_scopes": pending["allowed_scopes"]}
        device = server.client.post("/api/auth/device/approve", json=answer).json()
        token = poll(server, flow["device_code"]).json()
        assert poll(server, flow["device_code"]).json() == {"detail": "expired_token"}

        me = ask(server, "GET", "/api/users/me", token["access_token"]).json()
        assert me["current_device_id"] == token["device_id"] == device["device_id"]
        assert server.client.delete(f"/api/devices/{device['device_id']}").status_code == 204
        assert ask(server, "GET", "/api/users/me", token["access_token"]).status_code == 401
        assert server.get("/api/client-tokens") == []
