"""What the words of a search mean in SQL."""

import re
from collections.abc import Iterable
from itertools import islice

from sqlalchemy import Select, false, or_, select
from sqlmodel import Session

from romm_lite.db.search import find_words, read_vocabulary
from romm_lite.features.library.ids import fetch_ids
from romm_lite.features.library.visibility import Condition
from romm_lite.kernel.text import fold
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

Ids = Select[tuple[int]]
_HASH = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}")
MOST = 20
"""So many alternatives, and so many words of each, count; databases limit how deep a query goes."""
LONGEST_WORD = 2000
"""No name has a longer one, and databases limit what they look for."""
_OF_ROMS = {8: ("crc_hash",), 32: ("md5_hash", "ra_hash"), 40: ("sha1_hash",)}
_OF_FILES = {**_OF_ROMS, 40: ("sha1_hash", "chd_sha1_hash")}
"""Which hashes have so many hex digits."""
SIMILAR = 8
"""So many words of the library may be meant by one that was mistyped."""


def read_search(session: Session, term: str | None) -> Condition | None:
    """The condition of a search term, None if it names nothing to look for."""
    found = _find_matches(session, term)
    return None if found is None else or_(false(), *(ROMS.c.id.in_(ids) for ids in found))


def find_ids(session: Session, term: str | None) -> set[int] | None:
    """The ids of what a search term finds; None if it names nothing to look for."""
    wanted = _read(term)
    for match in (_match, _match_similar):
        found: set[int] = set()
        for each in wanted:
            for ids in match(session, each):
                found.update(fetch_ids(session, ids))
        if found:
            return found
    return set() if wanted else None


def _find_matches(session: Session, term: str | None) -> list[Ids] | None:
    """Where the ids are of what a search term finds; None if it names nothing.

    ``|`` separates alternatives. One matches a ROM if each of its words is part of its name or
    file name, whatever the case and accents, or if it is a hash of the ROM or of one of its files.
    Where nothing matches, words of the library that differ by a letter or two are looked for.
    """
    wanted = _read(term)
    if not wanted:
        return None
    found = [ids for each in wanted for ids in _match(session, each)]
    if _finds_any(session, found):
        return found
    return [ids for each in wanted for ids in _match_similar(session, each)]


def _read(term: str | None) -> list[str]:
    alternatives = filter(None, (each.strip() for each in (term or "").split("|")))
    return list(islice(alternatives, MOST))


def _match(session: Session, alternative: str) -> Iterable[Ids]:
    words = _split(alternative)
    if max(map(len, words)) > LONGEST_WORD:
        return
    yield find_words(session, words)
    if _HASH.fullmatch(alternative):
        digest = alternative.lower()
        for name in _OF_ROMS[len(digest)]:
            yield select(ROMS.c.id).where(ROMS.c[name] == digest)
        for name in _OF_FILES[len(digest)]:
            yield select(ROM_FILES.c.rom_id).where(ROM_FILES.c[name] == digest)


def _match_similar(session: Session, alternative: str) -> Iterable[Ids]:
    """The ROMs with the words that are nearest to these, if there are any for each."""
    words = _split(alternative)
    if max(map(len, words)) > LONGEST_WORD:
        return
    chosen: list[list[str]] = [[]]
    for word in words:
        near = _find_similar(session, word)
        chosen = [[*before, each] for before in chosen for each in near][:MOST]
    for similar in chosen:
        if similar:
            yield find_words(session, similar)


def _find_similar(session: Session, word: str) -> list[str]:
    """Words of the library that are meant: this one if any has it in it, else the nearest."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if _finds_any(session, [find_words(session, [word])]):
        return [word]
    allowed = _allow(len(word))
    if not allowed:
        return []
    found = process.extract(
        word,
        list(read_vocabulary(session)),
        scorer=OSA.distance,
        score_cutoff=allowed,
        limit=SIMILAR,
    )
    nearest = min((distance for _, distance, _ in found), default=0)
    return sorted(each for each, distance, _ in found if distance == nearest)


def _allow(length: int) -> int:
    """How many letters of a word of this length may be wrong, missing, too many or swapped."""
    return 0 if length < 4 else 1 if length < 8 else 2


def _finds_any(session: Session, found: Iterable[Ids]) -> bool:
    return any(session.execute(ids.limit(1)).first() is not None for ids in found)


def _split(alternative: str) -> list[str]:
    return [fold(word) for word in alternative.split()[:MOST]]
