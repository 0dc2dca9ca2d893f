"""Keys made of text: what names are sorted and searched by."""

import re
import unicodedata

_ARTICLES = "the|a|an|le|la|les|el|los|las|il|lo|gli|der|die|das|het"
_LEADING_ARTICLE = re.compile(rf"^(?:{_ARTICLES})\s+")
_DIGITS = re.compile(r"\d+")
_ACCENTS = re.compile("[\u0300-\u036f]")
SORT_KEY_LENGTH = 500


def sort_key(name: str | None) -> str:
    """The key a list of games is ordered by.

    Lower-cased, one leading article dropped, every run of digits padded to twelve, 500 characters
    at most: ``The Moss 2`` gives ``moss 000000000002``.
    """
    bare = _LEADING_ARTICLE.sub("", (name or "").lower(), count=1).strip()
    return _DIGITS.sub(lambda run: run.group().zfill(12), bare)[:SORT_KEY_LENGTH]


def fold(text: str) -> str:
    """Text as it is searched: case and accents gone (``Pokémon`` gives ``pokemon``).

    Only the general accents (U+0300 to U+036F) go; the voicing marks of kana and the vowel signs
    of Indic scripts tell words apart and stay.
    """
    plain = text.casefold()
    if plain.isascii():
        return plain
    marked = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", marked))
