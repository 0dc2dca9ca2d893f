"""What people change about a ROM's sources: ids at providers, and metadata by hand."""

import logging
from collections.abc import Mapping
from inspect import get_annotations
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from romm_lite.features.library.facts import Source, Sources
from romm_lite.features.library.sources import PAYLOADS
from romm_lite.web.inputs import find_unstorable
from romm_lite.wire.rom_changes import RomChanges
from romm_lite.wire.roms import BaseRom

log = logging.getLogger(__name__)

Payload = dict[str, Any]
BY_HAND = "manual"
IDENTIFIED = (
    *("igdb", "sgdb", "moby", "ss", "ra", "launchbox", "hasheous", "tgdb"),
    *("flashpoint", "hltb", "libretro"),
)
"""The sources whose ids people set."""
DESCRIBED = (
    *("igdb", "moby", "ss", "launchbox", "hasheous", "flashpoint", "hltb"),
    BY_HAND,
)
"""The sources whose metadata people write."""
NOTHING = Source(None, {})

_MODELS: Mapping[str, TypeAdapter[Any]] = {
    source: TypeAdapter(get_annotations(BaseRom)[PAYLOADS[source]]) for source in DESCRIBED
}


def refetch(source: str, external_id: str) -> Payload | None:  # noqa: ARG001
    """What a provider knows of the game with this id; None if it is not set up or knows nothing."""
    return None


def fetch_changed(changes: RomChanges, known: Sources) -> dict[str, Payload]:
    """What providers know of the games that a form says the ROM is, where that is new."""
    found = {}
    for source, external_id in _read_ids(changes).items():
        if external_id and external_id != known.get(source, NOTHING).external_id:
            payload = refetch(source, external_id)
            if payload is not None:
                found[source] = payload
    return found


def decide_sources(
    changes: RomChanges, known: Sources, fetched: Mapping[str, Payload]
) -> dict[str, Source]:
    """The sources that a form changes, as they will be.

    An id that changed leaves nothing of what was known under the one before. What its provider
    knows counts first, then what the form says; metadata of a source without an id is not kept.
    """
    ids, written = _read_ids(changes), _read_written(changes)
    decided = {}
    for source in dict.fromkeys((*ids, *written)):
        before = known.get(source, Source())
        by_hand = written.get(source)
        if by_hand == before.payload:
            by_hand = None
        external_id = ids.get(source, before.external_id)
        payload = before.payload
        if external_id != before.external_id:
            payload = fetched.get(source, by_hand or {}) if external_id else {}
        elif by_hand is not None and (external_id or source == BY_HAND):
            payload = by_hand
        if (after := Source(external_id, payload)) != before:
            decided[source] = after
    return decided


def forget_providers(known: Sources) -> dict[str, Source]:
    """All sources but what a person entered, as if no provider knew the ROM."""
    return {each: NOTHING for each in known if each != BY_HAND and known[each] != NOTHING}


def _read_ids(changes: RomChanges) -> dict[str, str | None]:
    """The ids that a form has, None for those it takes away."""
    sent = ((source, getattr(changes, f"{source}_id")) for source in IDENTIFIED)
    return {source: text or None for source, text in sent if text is not None}


def _read_written(changes: RomChanges) -> dict[str, Payload]:
    """The metadata that a form has; what is none is named in the log and counts as not sent."""
    found = {}
    for source in DESCRIBED:
        text = getattr(changes, f"raw_{source}_metadata")
        payload = None if text is None else _read_payload(source, text)
        if payload is not None:
            found[source] = payload
        elif text is not None:
            log.warning("raw_%s_metadata is ignored: it is no JSON object that fits", source)
    return found


def _read_payload(source: str, text: str) -> Payload | None:
    """The object with the keys that are known; those whose values are of another type are left
    out. None for what is no object, or cannot be stored."""
    try:
        payload = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(payload, dict):
        return None
    model = _MODELS[source]
    try:
        payload = model.validate_python(payload)
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors()})
        log.warning("raw_%s_metadata has values of a wrong type: %s", source, ", ".join(wrong))
        payload = model.validate_python({k: v for k, v in payload.items() if k not in wrong})
    return None if any(find_unstorable((), payload)) else payload
