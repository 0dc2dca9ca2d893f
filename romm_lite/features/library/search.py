"""What the words of a search mean in SQL."""

import re
from itertools import islice

from sqlalchemy import false, or_, select

from romm_lite.features.library.visibility import Condition
from romm_lite.kernel.text import fold
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

_HASH = re.compile(r"[0-9a-fA-F]{8}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}")
MOST = 20
"""So many alternatives, and so many words of each, count; databases limit how deep a query goes."""
LONGEST_WORD = 2000
"""No name has a longer one, and databases limit what they look for."""
_OF_ROMS = {8: ("crc_hash",), 32: ("md5_hash", "ra_hash"), 40: ("sha1_hash",)}
_OF_FILES = {**_OF_ROMS, 40: ("sha1_hash", "chd_sha1_hash")}
"""Which hashes have so many hex digits."""


def read_search(term: str | None) -> Condition | None:
    """The condition of a search term, None if it names nothing to look for.

    ``|`` separates alternatives. One matches a ROM if each of its words is part of its name or
    file name, whatever the case and accents, or if it is a hash of the ROM or of one of its files.
    """
    alternatives = filter(None, (each.strip() for each in (term or "").split("|")))
    conditions = [_match(each) for each in islice(alternatives, MOST)]
    return or_(*conditions) if conditions else None


def _match(alternative: str) -> Condition:
    roms = ROMS.alias()  # so that an index on the text alone is read, not the rows
    words = [fold(word) for word in alternative.split()[:MOST]]
    if max(map(len, words)) > LONGEST_WORD:
        return false()
    texts = (roms.c.search_text.contains(word, autoescape=True) for word in words)
    named = ROMS.c.id.in_(select(roms.c.id).where(*texts))
    if not _HASH.fullmatch(alternative):
        return named
    digest = alternative.lower()
    of_files = or_(*(ROM_FILES.c[name] == digest for name in _OF_FILES[len(digest)]))
    return or_(
        named,
        *(ROMS.c[name] == digest for name in _OF_ROMS[len(digest)]),
        ROMS.c.id.in_(select(ROM_FILES.c.rom_id).where(of_files)),
    )
