"""Everything by which a user can find out about ROMs, asked at once.

``Shelves`` have ROMs that can be told apart wherever they show; ``Shelves.walk`` gives what a user
finds as names of ROMs by where they were found, so that one comparison says whether something
shows anywhere that should not, or is missing where it should be.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.testclient import TestClient

from romm_lite.features.library.stats import count_library
from romm_lite.features.library.view import View
from romm_lite.tables.assets import Save
from romm_lite.tables.collections import SmartCollection
from romm_lite.tables.rom_users import RomNote

from .conftest import Home

FEWEST_OF_A_VIRTUAL_COLLECTION = 3
WORDS = ("alpha", "bravo", "charlie", "delta")
Found = Mapping[str, set[str]]


class Shelves:
    """ROMs on two platforms, named ``alpha``, ``bravo`` …: ``ratings`` gives those of each, the
    first half on the first platform. All are one game to IGDB."""

    def __init__(self, home: Home, ratings: Sequence[Sequence[str] | None]) -> None:
        self.home = home
        self.platforms = (home.platform("snes"), home.platform("nes"))
        self.roms: dict[str, int] = {}
        self.files: dict[str, int] = {}
        for number, (name, rated) in enumerate(zip(WORDS, ratings, strict=False)):
            self._add(name, self.platforms[number * 2 // len(ratings)], rated)
        self.names = {rom_id: name for name, rom_id in self.roms.items()}
        self.collection = home.collect(*self.roms.values(), name="All", is_public=True)
        self.smart = home.add(
            SmartCollection(user_id=home.users["ann"], name="Rule", is_public=True)
        )

    def _add(self, name: str, platform: int, rated: Sequence[str] | None) -> None:
        number = len(self.roms) + 1
        home = self.home
        rom = home.rom(
            f"{name}.rom",
            platform,
            known={"igdb": (7, {}), "ss": (number, {})},
            crc_hash=f"{number:08x}",
            facets={"regions": [name], "genres": ["Puzzle"]},
            facts=None if rated is None else {"age_ratings": list(rated)},
            fs_size_bytes=number,
        )
        self.roms[name] = rom
        self.files[name] = home.file(rom, f"roms/{platform}/{name}.rom", bytes(number))
        home.add(RomNote(rom_id=rom, user_id=home.users["ann"], title=name, is_public=True))
        stem: dict[str, Any] = {"file_name_no_tags": name, "file_name_no_ext": name}
        stem |= {"user_id": home.users["ann"], "is_public": True}
        home.add(Save(rom_id=rom, file_name=name, file_path="x", **stem))

    def on(self, platform: int) -> set[str]:
        """The names of the ROMs of a platform."""
        half = len(self.roms) // 2
        names = list(self.roms)
        return set(names[:half] if platform == self.platforms[0] else names[half:])

    def walk(self, user: str = "ann") -> Found:
        """What a user finds of each ROM, by where; figures are told by the ROMs they add up to."""
        client = self.home.client(user)
        return {
            **self._walk_lists(client),
            **self._walk_roms(client),
            **self._walk_downloads(client),
            **self._walk_collections(client),
            **self._count(client, user),
        }

    def _walk_lists(self, client: TestClient) -> Found:
        page = client.get("/api/roms?limit=50").json()
        seen = self._name(each["id"] for each in page["items"])
        assert page["total"] == len(seen)
        questions = {
            "searched": "search_term=.rom",
            "of the platforms": "&".join(f"platform_ids={each}" for each in self.platforms),
            "of the collection": f"collection_id={self.collection}",
            "of the rule": f"smart_collection_id={self.smart}",
            "by release": "order_by=first_release_date",
            "with genre": "genres=Puzzle",
            "with saves": "has_saves=true",
            "of all statuses": "statuses=hidden&statuses_logic=none",
            "windowed": "with_total=false&with_char_index=false&with_filter_values=false",
        }
        rows = {word: self._list(client, question) for word, question in questions.items()}
        filters = client.get("/api/roms/filters").json()
        values = page["filter_values"]
        return {
            "list": seen,
            "index": self._name(page["rom_id_index"]),
            "initials": {name for name in self.roms if name[0] in page["char_index"]},
            "regions": set(values["regions"]),
            "regions of all": set(filters["regions"]),
            "identifiers": self._name(client.get("/api/roms/identifiers").json()),
            "platforms": self._place(values["platforms"], seen),
            "platforms of all": self._place(filters["platforms"], seen),
            **rows,
            "drawn": seen if self._draw(client) <= seen else {"one too many"},
            "grouped": seen if self._group(client) <= seen else {"one too many"},
            "duplicates": self._list(client, "duplicate=true") ^ _alone(self, seen),
        }

    def _list(self, client: TestClient, question: str) -> set[str]:
        items = client.get(f"/api/roms?limit=50&{question}").json()["items"]
        return self._name(each["id"] for each in items)

    def _place(self, platforms: Iterable[int], seen: set[str]) -> set[str]:
        """What is seen, if these are its platforms."""
        right = {each for each in self.platforms if self.on(each) & seen}
        return seen if set(platforms) == right else {f"{platforms}"}

    def _draw(self, client: TestClient) -> set[str]:
        drawn = [client.get("/api/roms/random").json() for _ in range(3)]
        return self._name(rom["id"] for rom in drawn if rom)

    def _group(self, client: TestClient) -> set[str]:
        """Those that stand for their game: one for each platform with any."""
        shown = self._list(client, "group_by_meta_id=true")
        seen = self._list(client, "")
        assert len(shown) == sum(bool(self.on(each) & seen) for each in self.platforms)
        return shown

    def _walk_roms(self, client: TestClient) -> Found:
        paths = {
            "detail": "/api/roms/{rom}",
            "simple": "/api/roms/{rom}/simple",
            "notes": "/api/roms/{rom}/notes",
            "ids of notes": "/api/roms/{rom}/notes/identifiers",
            "file": "/api/roms/{file}/files",
            "hash": "/api/roms/by-hash?crc_hash={number:08x}",
            "provider": "/api/roms/by-metadata-provider?ss_id={number}",
            "content": "/api/roms/{rom}/content/x",
            "unnamed content": "/api/roms/{rom}/content",
            "content of the file": "/api/roms/{file}/files/content/x",
            "download": "/api/roms/download?rom_ids={rom}",
        }
        found = {word: self._ask(client, path) for word, path in paths.items()}
        siblings = set()
        for name in found["simple"]:
            rom = client.get(f"/api/roms/{self.roms[name]}").json()
            siblings |= self._name(each["id"] for each in rom["sibling_roms"])
        return {**found, "siblings": siblings ^ _alone(self, found["simple"])}

    def _ask(self, client: TestClient, path: str) -> set[str]:
        found = set()
        for number, (name, rom) in enumerate(self.roms.items(), 1):
            answer = client.get(path.format(rom=rom, file=self.files[name], number=number))
            assert answer.status_code in (200, 404), answer.text
            found |= {name} if answer.status_code == 200 else set()
        return found

    def _walk_downloads(self, client: TestClient) -> Found:
        rom_ids = ",".join(map(str, self.roms.values()))
        asked = {
            "some": f"rom_ids={rom_ids}",
            "collection": f"collection_id={self.collection}",
            "rule": f"smart_collection_id={self.smart}",
        }
        found = {f"zip of {word}": self._unzip(client, query) for word, query in asked.items()}
        platforms = (self._unzip(client, f"platform_id={each}") for each in self.platforms)
        return {**found, "zips of platforms": set().union(*platforms)}

    def _unzip(self, client: TestClient, query: str) -> set[str]:
        answer = client.get(f"/api/roms/download?{query}")
        if answer.status_code == 404:
            return set()
        assert answer.status_code == 200, answer.text
        names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
        return {name.rpartition("/")[2].removesuffix(".rom") for name in names}

    def _walk_collections(self, client: TestClient) -> Found:
        by_hand = client.get(f"/api/collections/{self.collection}").json()
        by_rule = client.get(f"/api/collections/smart/{self.smart}").json()
        by_itself = client.get("/api/collections/virtual?type=genre").json()
        seen = self._name(by_hand["rom_ids"])
        assert by_hand["rom_count"] == len(seen)
        if len(seen) < FEWEST_OF_A_VIRTUAL_COLLECTION:
            assert by_itself == []
            by_itself = [by_hand]
        return {
            "members": seen,
            "members of the rule": self._name(by_rule["rom_ids"]),
            "members of the genre": self._name(by_itself[0]["rom_ids"]),
        }

    def _count(self, client: TestClient, user: str) -> Found:
        """Figures as sets of ROMs: sizes are different for each, so that a sum tells which."""
        platforms = client.get("/api/platforms").json()
        with self.home.database.read() as session:
            view = View.open(session, self.home.library, self.home.identify(user))
            stats = count_library(view, by_platform=True)
        seen = self._list(client, "")
        sizes = {name: number for number, name in enumerate(self.roms, 1)}
        total = sum(sizes[name] for name in seen)
        regions = {e["region"] for each in stats["REGION_BREAKDOWN"].values() for e in each}
        known = sum(e["matched"] for each in stats["METADATA_COVERAGE"].values() for e in each)
        figures: dict[str, tuple[Any, Any]] = {
            "count of platforms": (sum(each["rom_count"] for each in platforms), len(seen)),
            "size of platforms": (sum(each["fs_size_bytes"] for each in platforms), total),
            "statistics": (stats["ROMS"], len(seen)),
            "bytes": (stats["TOTAL_FILESIZE_BYTES"], total),
            "saves": (stats["SAVES"], len(seen)),
            "coverage": (known, 2 * len(seen)),
        }
        return {
            "regions of statistics": regions,
            **{
                word: seen if figure == wanted else {f"{figure}"}
                for word, (figure, wanted) in figures.items()
            },
        }

    def _name(self, rom_ids: Iterable[int]) -> set[str]:
        return {self.names[rom_id] for rom_id in rom_ids}


def _alone(shelves: Shelves, seen: set[str]) -> set[str]:
    """Those that are the only ones of their game on their platform, as far as is seen."""
    groups = [shelves.on(platform) & seen for platform in shelves.platforms]
    return {name for group in groups if len(group) == 1 for name in group}


def expect(shelves: Shelves, user: str, seen: Iterable[str]) -> None:
    """A user sees just these ROMs, wherever one looks."""
    wanted = set(seen)
    wrong = {where: found for where, found in shelves.walk(user).items() if found != wanted}
    assert not wrong, f"{user} should see {sorted(wanted)}"
