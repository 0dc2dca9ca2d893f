import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.names import (
    NameParts,
    Tags,
    is_prerelease,
    is_text,
    parse_tags,
    region_rank,
    region_ranks,
    show,
    split_name,
    title_of,
)
from romm_lite.kernel.text import sort_key

VECTORS = Path("/work/shared/spec/data/vectors_text.json")


@pytest.mark.parametrize(
    ("name", "stem", "extension"),
    [
        ("a.tar.gz", "a", "tar.gz"),
        ("x.nkit.iso", "x", "nkit.iso"),
        ("file.with.dots.txt", "file", "with.dots.txt"),
        ("cart.p8.png", "cart.p8", "png"),
        ("Game.P8.png", "Game.P8", "png"),
        ("Game v1.2.rom", "Game v1.2", "rom"),
        ("Super Mario Bros. 3 (USA).nes", "Super Mario Bros. 3 (USA)", "nes"),
        ("St.Patrick.zip", "St.Patrick", "zip"),
        ("mr.do.zip", "mr", "do.zip"),
        ("Game v1.5", "Game v1", "5"),
        ("Moss.ZIP", "Moss", "ZIP"),
        ("Moss.n_64", "Moss", "n_64"),
        ("trailing.", "trailing.", ""),
        ("Moss.some-thing", "Moss.some-thing", ""),
        ("Moss.rom\n", "Moss.rom", ""),
        (".hidden", "", "hidden"),
        ("noext", "noext", ""),
        ("", "", ""),
    ],
)
def test_extension_is_the_longest_dotted_end(name: str, stem: str, extension: str) -> None:
    parts = split_name(name)
    assert (parts.no_ext, parts.extension) == (stem, extension)


@pytest.mark.parametrize(
    ("name", "no_tags"),
    [
        ("Zelda (Rev A) - Sub (USA) [!].n64", "Zelda (Rev A) - Sub"),
        ("[BIOS] X (USA).bin", "[BIOS] X"),
        ("Moss (USA)[!](Rev 1).sfc", "Moss"),
        ("Moss.rom", "Moss"),
        ("(USA).zip", ""),
    ],
)
def test_only_tags_at_the_end_go(name: str, no_tags: str) -> None:
    assert split_name(name).no_tags == no_tags


@pytest.mark.parametrize(
    ("name", "is_dir", "title"),
    [
        ("Game v1.5", True, "Game v1.5"),
        ("Game v1.5", False, "Game v1"),
        ("St. Game (USA)", True, "St. Game"),
        ("(USA).zip", False, "(USA).zip"),
        (".hidden", False, ".hidden"),
        ("Moss (USA).sfc", False, "Moss"),
    ],
)
def test_titles_keep_what_belongs_to_them(name: str, is_dir: bool, title: str) -> None:
    assert title_of(name, is_dir=is_dir) == title


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("U", Tags(regions=("USA",))),
        ("usa", Tags(regions=("USA",))),
        ("NL", Tags(regions=("Netherlands",))),
        ("nl", Tags(regions=("Netherlands",))),
        ("Nl", Tags(languages=("Dutch",))),
        ("NO", Tags(regions=("Norway",))),
        ("no", Tags(regions=("Norway",))),
        ("No", Tags(languages=("Norwegian",))),
        ("En", Tags(languages=("English",))),
        ("EN", Tags(languages=("English",))),
        ("japanese", Tags(languages=("Japanese",))),
        ("hong kong", Tags(regions=("Hong Kong",))),
        ("v1.2a", Tags(version="1.2a")),
        ("Ver. 1.00", Tags(version="1.00")),
        ("Version 2", Tags(version="2")),
        ("version3", Tags(version="3")),
        ("V.5", Tags(version="5")),
        ("v-", Tags(version="")),
        ("Variation", Tags(tags=("Variation",))),
        ("versionB", Tags(tags=("versionB",))),
        ("v", Tags(tags=("v",))),
        ("Reg-PAL", Tags(regions=("PAL",))),
        ("reg|j", Tags(regions=("Japan",))),
        ("REG Europe", Tags(regions=("Europe",))),
        ("Reg-", Tags(tags=("Reg-",))),
        ("Region", Tags(tags=("Region",))),
        ("Rev 1", Tags(revision="1")),
        ("Rev-B", Tags(revision="B")),
        ("rev|3", Tags(revision="3")),
        ("Reversed", Tags(tags=("Reversed",))),
        ("!", Tags(tags=("!",))),
    ],
)
def test_each_piece_says_one_thing(piece: str, expected: Tags) -> None:
    assert parse_tags(f"Moss ({piece}).rom") == expected
    assert parse_tags(f"[ {piece} ] Moss.rom") == expected


def test_pieces_accumulate_in_order_and_later_revisions_win() -> None:
    tags = parse_tags("Moss (USA, Europe) (En,Fr,De) (Rev 1) [USA] Run (Rev 2) (v1) [a1] (v2) [a1]")
    assert tags.regions == ("USA", "Europe", "USA")
    assert tags.languages == ("English", "French", "German")
    assert (tags.revision, tags.version) == ("2", "2")
    assert tags.tags == ("a1", "a1")


def test_empty_pieces_make_no_tag() -> None:
    assert parse_tags("Moss (USA,) ( , ) () [].rom") == Tags(regions=("USA",))


def test_an_open_bracket_makes_no_tag() -> None:
    assert parse_tags("Moss (USA.rom") == Tags()


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("Moss (Demo 2)", True),
        ("Moss (USA) (BETA)", True),
        ("Moss (Proto)", True),
        ("Moss (Sample)", True),
        ("Moss (Kiosk, USA)", True),
        ("Moss (Preview)", True),
        ("Demo Moss (USA)", False),
    ],
)
def test_prereleases_say_so_in_brackets(stem: str, expected: bool) -> None:
    assert is_prerelease(stem) is expected


def test_region_ranks_skip_what_names_no_region() -> None:
    ranks = region_ranks(("US", "us", "ss", "nl", "jp", "nowhere"))
    assert ranks == {"USA": 0, "Holland": 1, "Netherlands": 1, "Japan": 2}


def test_the_first_region_ranks_a_rom_and_unlisted_ones_come_last() -> None:
    priority = ["us", "wor", "ss", "eu", "jp"]
    roms = [["Japan", "USA"], ["Brazil"], ["Europe"], [], ["USA"], ["World"]]
    ordered = sorted(roms, key=lambda regions: region_rank(regions, priority))
    assert ordered == [["USA"], ["World"], ["Europe"], ["Japan", "USA"], ["Brazil"], []]


def test_bytes_that_are_no_text_are_told_apart_and_shown() -> None:
    name = b"M\xf6ss \xff.rom".decode("utf-8", "surrogateescape")
    assert not is_text(name)
    assert show(name) == "M\\xf6ss \\xff.rom"
    assert is_text("Möss 🎮.rom")
    assert show("Möss 🎮.rom") == "Möss 🎮.rom"


@given(st.text(max_size=60) | st.text("().[]{},. aZ0_-v\n", max_size=60))
def test_parts_put_together_give_the_name(name: str) -> None:
    parts = split_name(name)
    end = f".{parts.extension}" if parts.extension else ""
    assert name.endswith(end)
    assert name.removesuffix(end).strip() == parts.no_ext
    assert parts.no_ext.startswith(parts.no_tags)
    assert parts.no_tags == parts.no_tags.strip()


@given(st.text(max_size=60) | st.text("()[],. revgUSA012-|", max_size=80))
def test_no_tag_is_empty_whatever_the_name(name: str) -> None:
    tags = parse_tags(name)
    assert "" not in (*tags.regions, *tags.languages, *tags.tags)
    assert title_of(name, is_dir=True) or not name


@pytest.mark.skipif(not VECTORS.exists(), reason="the contract's vectors are not here")
def test_contract_vectors() -> None:
    vectors: dict[str, list[dict[str, Any]]] = json.loads(VECTORS.read_text())
    for case in vectors["file_name_parts"]:
        assert split_name(case["in"]) == NameParts(**case["out"])
    for case in vectors["name_sort_key"]:
        assert sort_key(case["in"]) == case["out"]
