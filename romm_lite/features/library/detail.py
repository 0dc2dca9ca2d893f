"""One ROM with all that users keep about it, and the ways to find one."""

from inspect import get_annotations
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import and_, func, or_, select

from romm_lite.features.library.assets import read_assets
from romm_lite.features.library.collections import is_shown
from romm_lite.features.library.notes import read_notes
from romm_lite.features.library.pages import read_heads, read_rest, render_roms
from romm_lite.features.library.rendering import render_rom
from romm_lite.features.library.smart_collections import find_smart_collections_of
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.kernel.errors import NotFound
from romm_lite.tables.collections import COLLECTION_ROMS, COLLECTIONS
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROM_SOURCES, ROMS
from romm_lite.wire.roms import DetailedRomSchema, RomHashQuery, RomProviderQuery

_KEPT_BY_USERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(hint) for name, hint in get_annotations(DetailedRomSchema).items()
}


def rom_not_found(rom_id: int) -> NotFound:
    """What a missing ROM and one that is hidden read as."""
    return NotFound(f"Rom with id '{rom_id}' not found")


def check_rom(view: View, rom_id: int) -> None:
    """NotFound unless there is such a ROM and this user may see it."""
    query = select(ROMS.c.id).where(ROMS.c.id == rom_id, *see_roms(view.user, few=True))
    if view.session.scalar(query) is None:
        raise rom_not_found(rom_id)


def render_simple(view: View, rom_id: int) -> bytes:
    """The ROM as an item of a list, with its files; NotFound if there is none to see."""
    check_rom(view, rom_id)
    (item,) = render_roms(view, [rom_id], with_files=True)
    return item


def render_detail(view: View, rom_id: int) -> bytes:
    """The ROM as ``DetailedRomSchema``; NotFound if there is none to see."""
    check_rom(view, rom_id)
    return render_whole(view, rom_id)


def render_whole(view: View, rom_id: int) -> bytes:
    """The same of a ROM this user was let see before, whatever rule has come to hold since."""
    heads = read_heads(view, [rom_id])
    if rom_id not in heads:
        raise rom_not_found(rom_id)
    rest = read_rest(view, heads, with_files=True)[rom_id]
    kept: dict[str, Any] = {
        **read_assets(view, rom_id),
        "all_user_notes": read_notes(view, rom_id),
        "user_collections": _read_collections(view, rom_id),
    }
    fields = {
        name: orjson.Fragment(adapter.dump_json(adapter.validate_python(kept[name])))
        for name, adapter in _KEPT_BY_USERS.items()
    }
    return render_rom(heads[rom_id], {**rest, **fields})


def find_by_hash(view: View, query: RomHashQuery) -> int | None:
    """The first visible ROM that has one of these hashes, or whose file has."""
    given = query.model_dump(exclude_none=True)
    of_roms = [ROMS.c[name] == digest for name, digest in given.items() if digest]
    of_files = [ROM_FILES.c[name] == digest for name, digest in given.items() if digest]
    with_file = ROMS.c.id.in_(select(ROM_FILES.c.rom_id).where(or_(*of_files)))
    return _first(view, or_(*of_roms, with_file))


def find_by_provider(view: View, query: RomProviderQuery) -> int | None:
    """The first visible ROM that a provider knows by one of these ids."""
    known = [
        and_(
            ROM_SOURCES.c.source == name.removesuffix("_id"),
            ROM_SOURCES.c.external_id == str(external_id),
        )
        for name, external_id in query.model_dump(exclude_none=True).items()
        if external_id
    ]
    return _first(view, ROMS.c.id.in_(select(ROM_SOURCES.c.rom_id).where(or_(*known))))


def _first(view: View, condition: Condition) -> int | None:
    found: int | None = view.session.scalar(
        select(func.min(ROMS.c.id)).where(condition, *see_roms(view.user, few=True))
    )
    return found


def _read_collections(view: View, rom_id: int) -> list[dict[str, Any]]:
    """Collections of one's own and public ones with this ROM: made by hand first, then by rule."""
    if view.user.user_id is None:
        return []
    by_hand = (
        select(COLLECTIONS.c.id, COLLECTIONS.c.name)
        .join(COLLECTION_ROMS, COLLECTION_ROMS.c.collection_id == COLLECTIONS.c.id)
        .where(COLLECTION_ROMS.c.rom_id == rom_id)
        .where(is_shown(view.user, COLLECTIONS))
        .order_by(COLLECTIONS.c.name, COLLECTIONS.c.id)
    )
    rows = [(row, False) for row in view.session.execute(by_hand).mappings()]
    rows += [(row, True) for row in find_smart_collections_of(view, rom_id)]
    return [{"id": row["id"], "name": row["name"], "is_smart": is_smart} for row, is_smart in rows]
