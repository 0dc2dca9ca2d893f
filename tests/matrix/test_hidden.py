"""No answer to somebody tells of what is hidden from them, or of what is another's."""

from tests.matrix import things
from tests.matrix.requests import Ordinary
from tests.matrix.world import SECRET, World

ABOUT_OTHERS = {"GET /api/client-tokens/all"}
"""What tells of others those who may read of users."""


def test_no_answer_tells_what_is_hidden(world: World, ordinary: Ordinary) -> None:
    hide = (things.hide_platforms, things.hide_roms, things.hide_files, things.hide_firmware)
    others = (things.name_others_devices, things.name_others_tokens)
    for make in (*hide, *others):
        for _ in make(world):
            pass
    told, shown = [], set()
    for operation in world.operations:
        if operation.method == "GET" and operation.label not in ABOUT_OTHERS:
            path = ordinary.fill(operation)
            if SECRET in world.ask("GET", path, world.bearer("ann")).text:
                told.append(operation.label)
            if SECRET in world.ask("GET", path, world.bearer("root")).text:
                shown.add(operation.label)
    assert told == []
    assert shown.issuperset({"GET /api/platforms", "GET /api/roms", "GET /api/firmware"})
