"""What can be changed about a ROM, as clients send it: a form whose keys say what changes."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.kernel.text import SORT_KEY_LENGTH

LARGEST_ID = 2**31 - 1
NAMED_ID_LENGTH = 100
SUMMARY_LENGTH = 65_536
RAW_LENGTH = 2**20
"""Characters of one provider's metadata."""


def _read_number(text: str) -> str:
    """A number as it is stored; "" is none, and 0 is no id at any provider."""
    digits = text.strip()
    if digits and not (digits.isdecimal() and len(digits) <= 20 and int(digits) <= LARGEST_ID):
        raise ValueError(f"an id is a whole number up to {LARGEST_ID}")
    return str(int(digits)) if digits.strip("0") else ""


def _read_word(text: str) -> str:
    return _check_length(text.strip(), NAMED_ID_LENGTH)


def _read_name(text: str) -> str:
    return _check_length(text.strip(), NAME_LENGTH)


def _check_length(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"at most {longest} characters are kept")
    return text


NumberedId = Annotated[str, AfterValidator(_read_number)]
NamedId = Annotated[str, AfterValidator(_read_word)]
Name = Annotated[str, AfterValidator(_read_name)]
SortKey = Annotated[str, AfterValidator(lambda text: _check_length(text, SORT_KEY_LENGTH))]
Summary = Annotated[str, AfterValidator(lambda text: _check_length(text, SUMMARY_LENGTH))]
RawMetadata = Annotated[str, AfterValidator(lambda text: _check_length(text, RAW_LENGTH))]


class RomChanges(BaseModel):
    """Only the keys that are sent change anything.

    An empty id is none. ``raw_*_metadata`` are JSON objects as the ROM shows them. An empty name
    is the one that the file has, an empty sort key the one that follows from the name.
    """

    igdb_id: NumberedId | None = None
    sgdb_id: NumberedId | None = None
    moby_id: NumberedId | None = None
    ss_id: NumberedId | None = None
    ra_id: NumberedId | None = None
    launchbox_id: NumberedId | None = None
    hasheous_id: NumberedId | None = None
    tgdb_id: NumberedId | None = None
    flashpoint_id: NamedId | None = None
    hltb_id: NumberedId | None = None
    libretro_id: NamedId | None = None
    raw_igdb_metadata: RawMetadata | None = None
    raw_moby_metadata: RawMetadata | None = None
    raw_ss_metadata: RawMetadata | None = None
    raw_launchbox_metadata: RawMetadata | None = None
    raw_hasheous_metadata: RawMetadata | None = None
    raw_flashpoint_metadata: RawMetadata | None = None
    raw_hltb_metadata: RawMetadata | None = None
    raw_manual_metadata: RawMetadata | None = None
    name: Name | None = None
    name_sort_key: SortKey | None = None
    summary: Summary | None = None
    fs_name: str | None = None
    url_cover: str | None = None
    url_manual: str | None = None


class RomChangesQuery(BaseModel):
    """Whether the cover goes, or all that is known from providers; then nothing else is changed."""

    remove_cover: bool = False
    unmatch_metadata: bool = False
