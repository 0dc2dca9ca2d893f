from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from romm_lite.wire.platforms import PlatformSchema

NOW = datetime(2026, 8, 1, 10, tzinfo=UTC)


def platform(**changes: Any) -> SimpleNamespace:
    fields: dict[str, Any] = {
        "id": 1,
        "slug": "snes",
        "fs_slug": "super-nintendo",
        "rom_count": 0,
        "name": "Super Nintendo",
        "igdb_slug": "snes",
        "moby_slug": None,
        "hltb_slug": None,
        "libretro_slug": None,
        "created_at": NOW,
        "updated_at": NOW,
        "fs_size_bytes": 0,
        "is_unidentified": False,
        "is_identified": True,
        "missing_from_fs": False,
    }
    return SimpleNamespace(**fields | changes)


@pytest.mark.parametrize(
    ("custom_name", "shown"), [(None, "Super Nintendo"), ("", "Super Nintendo"), ("Mine", "Mine")]
)
def test_display_name_is_the_custom_name_if_there_is_one(
    custom_name: str | None, shown: str
) -> None:
    sent = PlatformSchema.model_validate(platform(custom_name=custom_name)).model_dump()

    assert sent["display_name"] == shown


def test_firmware_count_is_the_length_of_the_firmware_list() -> None:
    bios = SimpleNamespace(
        id=1,
        file_name="bios.bin",
        file_name_no_tags="bios",
        file_name_no_ext="bios",
        file_extension="bin",
        file_path="bios/snes",
        file_size_bytes=5_000_000_000,
        full_path="bios/snes/bios.bin",
        is_verified=False,
        crc_hash="",
        md5_hash="",
        sha1_hash="",
        missing_from_fs=False,
        created_at=NOW,
        updated_at=NOW,
    )

    sent = PlatformSchema.model_validate(platform(firmware=[bios])).model_dump(mode="json")

    assert sent["firmware_count"] == 1
    assert sent["firmware"][0]["file_size_bytes"] == 5_000_000_000
