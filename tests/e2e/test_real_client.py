"""A client made for RomM, unchanged: the ``mcp-romm`` package against a running server."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from tests.e2e.conftest import WHO, create_admin, make_home

READING = [
    "romm_status", "romm_stats", "romm_platforms", "romm_filters", "romm_firmware",
    "romm_collections", "romm_saves", "romm_devices", "romm_whoami", "romm_recent",
]  # fmt: skip


async def converse(url: str, platform: int, rom: int, md5: str) -> dict[str, str]:
    """What the client says to a person who asks it for each of these things."""
    name, password = WHO
    told = {"ROMM_URL": url, "ROMM_USERNAME": name, "ROMM_PASSWORD": password}
    program = str(Path(sys.executable).with_name("romm-mcp"))
    questions: dict[str, dict[str, object]] = {
        **{tool: {} for tool in READING},
        "romm_library_items": {"platform_id": platform},
        "romm_get_item": {"rom_id": rom},
        "romm_search": {"query": "keep lantern"},
        "romm_search_by_hash": {"md5_hash": md5},
        "romm_rom_notes": {"rom_id": rom},
    }
    answers = {}
    async with Client(StdioTransport(program, [], env={**os.environ, **told})) as client:
        for tool, arguments in questions.items():
            result = await client.call_tool(tool, arguments)
            answers[tool] = "\n".join(getattr(part, "text", "") for part in result.content)
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = make_home(tmp_path_factory.mktemp("client"))
    create_admin(home)
    nes = home.library / "roms" / "nes"
    nes.mkdir(parents=True)
    (nes / "Moss Runner (USA) (Rev 1).nes").write_bytes(b"NES\x1a" + bytes(4096))
    (nes / "Lantern Keep (Europe).nes").write_bytes(b"NES\x1a" + b"\1" * 4096)
    firmware = home.library / "bios" / "nes"
    firmware.mkdir(parents=True)
    (firmware / "boot.rom").write_bytes(bytes(8192))
    home.scan()
    with home.serve() as server:
        platform = server.get("/api/platforms")[0]["id"]
        lantern, moss = server.get("/api/roms")["items"]
        question = converse(server.url, platform, moss["id"], lantern["md5_hash"])
        return asyncio.run(asyncio.wait_for(question, 90))


def test_it_lists_platforms(answers: dict[str, str]) -> None:
    assert "Nintendo Entertainment System" in answers["romm_platforms"]


def test_it_lists_roms(answers: dict[str, str]) -> None:
    assert "Moss Runner" in answers["romm_library_items"]
    assert "Lantern Keep" in answers["romm_library_items"]


def test_it_shows_the_details_of_a_rom(answers: dict[str, str]) -> None:
    detail = answers["romm_get_item"]
    assert detail.startswith("Moss Runner")
    assert "Regions: USA" in detail


def test_it_searches(answers: dict[str, str]) -> None:
    assert "Lantern Keep" in answers["romm_search"]
    assert "Moss Runner" not in answers["romm_search"]


def test_it_finds_a_rom_by_its_hash(answers: dict[str, str]) -> None:
    assert "Lantern Keep" in answers["romm_search_by_hash"]


@pytest.mark.parametrize("tool", READING)
def test_whatever_it_reads_is_answered(tool: str, answers: dict[str, str]) -> None:
    assert answers[tool]
    assert "HTTP" not in answers[tool]
    assert "error" not in answers[tool].lower()
