"""Fills a database with a library that looks like a real one, by Core inserts.

Run by itself it makes such a database: ``python -m benchmarks.library_rows FILE.db [ROMS]``.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import orjson
from sqlalchemy import Table, insert
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.engine import Database, open_engine
from romm_lite.disk.names import is_prerelease, parse_tags, split_name
from romm_lite.features.library.facets import KINDS, VERIFIED
from romm_lite.features.library.service import describe_ratings
from romm_lite.kernel.events import Bus
from romm_lite.kernel.text import fold, sort_key
from romm_lite.metadata.catalogue import describe
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROM_METADATA, ROM_SOURCES, ROMS
from romm_lite.tables.schema import METADATA

BATCH = 500
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SLUGS = tuple(
    """
    snes nes gb gba gbc n64 psx ps2 genesis sms gamegear dc saturn psp nds ngc tg16 atari2600
    neogeoaes arcade amiga c64 zx-spectrum-next msx wonderswan lynx jaguar 3do virtualboy vectrex
    """.split()
)
FIRST = """
    Super Mega Ultra Dragon Crystal Shadow Silver Golden Iron Star Moon Sun Night Thunder Turbo
    Magic Ancient Lost Hidden Final Eternal Blazing Frozen Cosmic Robo Cyber Ninja Samurai Viking
    Pirate Castle Jungle Ocean Desert Space Street Battle World Grand Royal Secret Wild Crazy
""".split()
SECOND = """
    Quest Fighter Racer Warrior Legend Saga Kingdom Empire Heroes Force Hunter Rider Knight Puzzle
    Tennis Soccer Golf Baseball Pinball Rally Tactics Chronicles Adventure Story Island Tower
    Dungeon Zone Arena Wars Blaster Commander Detective Garden Factory Circus Academy Voyage
""".split()
TAGS = (
    "(USA)",
    "(USA)",
    "(Europe)",
    "(Japan)",
    "(World)",
    "(USA, Europe)",
    "(Europe) (En,Fr,De)",
    "(Japan) (Rev 1)",
    "(USA) (Rev A)",
    "(USA) (Beta)",
    "(Brazil) (Unl)",
    "(Germany) [!]",
)
GENRES = """
    Action Adventure Arcade Fighting Music Platform Puzzle Racing Role-playing Shooter Simulator
    Sport Strategy Tactical Quiz
""".split()
MODES = ("Single player", "Multiplayer", "Co-operative", "Split screen")
PROSE = (
    "A hero sets out to find what was taken, through forests, caves and a city under the sea, "
    "helped by a friend who is not what they seem. "
)


def fill(database: Database, roms: int = 100_000, platforms: int = 20, seed: int = 1) -> None:
    """Insert a library of ``roms`` on ``platforms``; the same seed gives the same rows.

    Half of the ROMs have IGDB, ScreenScraper and RetroAchievements payloads of realistic size, a
    third shares its title with another dump, one in twenty is a folder of several discs.
    """
    maker = _Maker(Random(seed), platforms)
    with database.write() as session:
        session.execute(insert(PLATFORMS), list(maker.platforms()))
        versions.bump(session, versions.LIBRARY)
    rows: dict[Table, list[dict[str, Any]]]
    for start in range(0, roms, BATCH):
        rows = {t: [] for t in (ROMS, ROM_SOURCES, ROM_METADATA, ROM_FILES, FACETS, ROM_FACETS)}
        for _ in range(min(BATCH, roms - start)):
            maker.add_rom(rows)
        with database.write() as session:
            _insert(session, rows)
            versions.bump(session, versions.LIBRARY)


def _insert(session: Session, rows: Mapping[Table, list[dict[str, Any]]]) -> None:
    for table, each in rows.items():
        if each:
            session.execute(insert(table), each)


class _Maker:
    """Makes up one ROM after another."""

    def __init__(self, random: Random, platforms: int) -> None:
        self._random = random
        self._platforms = platforms
        self._ids = count(1)
        self._facets: dict[tuple[str, str], int] = {}
        self._name, self._platform, self._left, self._game = "", 1, 0, 0
        self._used: set[tuple[int, str]] = set()

    def platforms(self) -> Iterator[dict[str, Any]]:
        for number in range(self._platforms):
            fs_slug = SLUGS[number % len(SLUGS)] + ("" if number < len(SLUGS) else f"-{number}")
            yield {**describe(fs_slug).columns(), "id": number + 1, "fs_slug": fs_slug}

    def add_rom(self, rows: Mapping[Table, list[dict[str, Any]]]) -> None:
        rom_id = next(self._ids)
        fs_name = self._next_dump()
        is_folder = rom_id % 20 == 0
        fs_path = f"roms/{SLUGS[(self._platform - 1) % len(SLUGS)]}"
        files = list(self._files(rom_id, fs_name, fs_path, is_folder=is_folder))
        rom = self._rom(rom_id, fs_name.removesuffix(".zip") if is_folder else fs_name, fs_path)
        rom["fs_size_bytes"] = sum(file["file_size_bytes"] for file in files)
        rom["top_level_files"] = len(files)
        rom["nested_files"] = len(files) if is_folder else 0
        rows[ROMS].append(rom)
        rows[ROM_FILES].extend(files)
        facts: dict[str, list[str]] = {"player_counts": ["1"]}
        if self._game % 2:
            facts = self._facts()
            rows[ROM_SOURCES].extend(self._sources(rom_id, facts))
            rows[ROM_METADATA].append(self._metadata(rom_id, facts))
        facts |= {kind: rom[kind] for kind in ("regions", "languages", "tags")}
        self._add_facets(rows, rom_id, facts)

    def _next_dump(self) -> str:
        """A file name that is new on its platform: another dump of the last game, or a new one."""
        while True:
            if self._left == 0:
                self._game += 1
                self._left = 1 if self._random.random() < 0.8 else self._random.randint(2, 4)
                self._platform = self._random.randint(1, self._platforms)
                words = self._random.choice(FIRST), self._random.choice(SECOND)
                article = "The " if self._game % 25 == 0 else ""
                number = f" {self._game % 7 + 1}" if self._game % 3 == 0 else ""
                self._name = f"{article}{' '.join(words)} of {self._random.choice(FIRST)}{number}"
            self._left -= 1
            fs_name = f"{self._name} {self._random.choice(TAGS)}.zip"
            if (self._platform, fs_name) not in self._used:
                self._used.add((self._platform, fs_name))
                return fs_name
            if self._left == 0:
                self._name += " DX"
                self._left = 1

    def _rom(self, rom_id: int, fs_name: str, fs_path: str) -> dict[str, Any]:
        parts, tags = split_name(fs_name), parse_tags(fs_name)
        random = self._random
        changed = EPOCH + timedelta(seconds=random.randint(0, 10**7))
        has_cover = bool(self._game % 2)
        cover = f"roms/{self._platform}/{rom_id}/cover"
        return {
            "id": rom_id,
            "platform_id": self._platform,
            "fs_name": fs_name,
            "fs_name_no_tags": parts.no_tags,
            "fs_name_no_ext": parts.no_ext,
            "fs_extension": parts.extension,
            "fs_path": fs_path,
            "name": self._name,
            "name_sort_key": sort_key(self._name),
            "search_text": f"{fold(self._name)}\n{fold(fs_name)}",
            "slug": self._name.lower().replace(" ", "-"),
            "summary": PROSE * random.randint(1, 5) if has_cover else None,
            "revision": tags.revision,
            "version": tags.version,
            "regions": list(tags.regions),
            "languages": list(tags.languages),
            "tags": list(tags.tags),
            "crc_hash": f"{random.getrandbits(32):08x}",
            "md5_hash": f"{random.getrandbits(128):032x}",
            "sha1_hash": f"{random.getrandbits(160):040x}",
            "ra_hash": "",
            "url_cover": f"https://images.example/{self._game}.jpg" if has_cover else "",
            "path_cover_s": f"{cover}/small.png" if has_cover else "",
            "path_cover_l": f"{cover}/big.png" if has_cover else "",
            "path_screenshots": [
                f"roms/{self._platform}/{rom_id}/screenshots/{n}.jpg" for n in range(4 * has_cover)
            ],
            "url_screenshots": [],
            "is_prerelease": is_prerelease(parts.no_ext),
            "missing_from_fs": rom_id % 500 == 0,
            "created_at": EPOCH,
            "updated_at": changed,
        }

    def _files(
        self, rom_id: int, fs_name: str, fs_path: str, *, is_folder: bool
    ) -> Iterator[dict[str, Any]]:
        stem = fs_name.removesuffix(".zip")
        names = [f"{stem} (Disc {n}).chd" for n in (1, 2, 3)] if is_folder else [fs_name]
        for name in names:
            yield {
                "rom_id": rom_id,
                "file_name": name,
                "file_path": f"{fs_path}/{stem}" if is_folder else fs_path,
                "file_size_bytes": self._random.randint(2**15, 2**24),
                "modified_ns": 1_700_000_000_000_000_000 + rom_id,
                "hashed": True,
                "crc_hash": f"{self._random.getrandbits(32):08x}",
                "md5_hash": f"{self._random.getrandbits(128):032x}",
                "sha1_hash": f"{self._random.getrandbits(160):040x}",
            }

    def _facts(self) -> dict[str, list[str]]:
        random = self._random
        return {
            "genres": sorted(random.sample(GENRES, random.randint(1, 3))),
            "franchises": [random.choice(SECOND)] if random.random() < 0.3 else [],
            "collections": [f"{random.choice(FIRST)} Collection"],
            "companies": sorted(
                {f"{random.choice(FIRST)} {random.choice(('Soft', 'Works'))}" for _ in range(2)}
            ),
            "game_modes": sorted(random.sample(MODES, 2)),
            "age_ratings": [random.choice(("E", "T", "M"))],
            "player_counts": [random.choice(("1", "1-2", "1-4"))],
            VERIFIED: ["nointro_match"] if random.random() < 0.5 else [],
        }

    def _add_facets(
        self,
        rows: Mapping[Table, list[dict[str, Any]]],
        rom_id: int,
        facts: Mapping[str, list[str]],
    ) -> None:
        for word, values in facts.items():
            for value in set(values):
                facet = KINDS.get(word, word), value
                facet_id = self._facets.get(facet)
                if facet_id is None:
                    facet_id = self._facets[facet] = len(self._facets) + 1
                    rows[FACETS].append({"id": facet_id, "kind": facet[0], "value": value})
                rows[ROM_FACETS].append(
                    {"facet_id": facet_id, "rom_id": rom_id, "platform_id": self._platform}
                )

    def _metadata(self, rom_id: int, facts: Mapping[str, list[str]]) -> dict[str, Any]:
        lists = "genres franchises collections companies game_modes".split()
        return {
            "rom_id": rom_id,
            **{name: facts[name] for name in lists},
            **describe_ratings(facts["age_ratings"]),
            "player_count": facts["player_counts"][0],
            "first_release_date": self._random.randint(10**11, 10**12),
            "average_rating": self._random.randint(300, 990) / 10,
        }

    def _sources(self, rom_id: int, facts: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
        for source, payload in (
            ("igdb", _igdb(self._game, facts)),
            ("ss", _screenscraper(rom_id, self._platform, facts)),
            ("ra", _retroachievements(self._game, rom_id)),
        ):
            yield {
                "rom_id": rom_id,
                "source": source,
                "platform_id": self._platform,
                "external_id": str(self._game),
                "payload": payload,
            }


def _igdb(game: int, facts: Mapping[str, list[str]]) -> dict[str, Any]:
    similar = [
        {
            "id": game * 10 + n,
            "name": f"Another {facts['collections'][0]} {n}",
            "slug": f"another-{game}-{n}",
            "type": "similar",
            "cover_url": f"https://images.igdb.example/igdb/image/upload/t_1080p/co{game}{n}.jpg",
        }
        for n in range(10)
    ]
    return {
        "total_rating": "78.25",
        "aggregated_rating": "81.0",
        "first_release_date": 780_000_000,
        "youtube_video_id": f"yt{game}",
        "genres": facts["genres"],
        "franchises": facts["franchises"],
        "alternative_names": [f"Game {game} Deluxe", f"Le jeu {game}"],
        "collections": facts["collections"],
        "companies": facts["companies"],
        "game_modes": facts["game_modes"],
        "age_ratings": [{"rating": "E", "category": "ESRB", "rating_cover_url": ""}],
        "platforms": [{"igdb_id": 19, "name": "Super Nintendo Entertainment System"}],
        "player_count": facts["player_counts"][0],
        "similar_games": similar,
    }


def _screenscraper(rom_id: int, platform: int, facts: Mapping[str, list[str]]) -> dict[str, Any]:
    kinds = "box2d box3d fanart logo marquee miximage physical screenshot title_screen".split()
    address = f"https://media.ss.example/api2/media.php?game={rom_id}&system={platform}&media="
    return {
        **{f"{kind}_url": address + kind for kind in kinds},
        "title_screen_path": f"roms/{platform}/{rom_id}/title_screen/title_screen.png",
        "video_path": f"roms/{platform}/{rom_id}/video/video.mp4",
        "ss_score": "15",
        "first_release_date": 780_000_000,
        "alternative_names": [],
        "companies": facts["companies"],
        "genres": facts["genres"],
        "age_ratings": [],
        "player_count": facts["player_counts"][0],
    }


def _retroachievements(game: int, rom_id: int) -> dict[str, Any]:
    badges = f"/assets/romm/resources/roms/1/{rom_id}/retroachievements/badges"
    achievements = [
        {
            "ra_id": game * 100 + n,
            "title": f"Step {n}",
            "description": "Finish the stage without being hit.",
            "points": 5,
            "num_awarded": 1000 - n,
            "num_awarded_hardcore": 500 - n,
            "badge_id": f"{game}{n}",
            "badge_url_lock": f"https://media.ra.example/Badge/{game}{n}_lock.png",
            "badge_path_lock": f"{badges}/{game}{n}_lock.png",
            "badge_url": f"https://media.ra.example/Badge/{game}{n}.png",
            "badge_path": f"{badges}/{game}{n}.png",
            "display_order": n,
            "type": None,
        }
        for n in range(5)
    ]
    return {"first_release_date": 780_000_000, "genres": ["Action"], "achievements": achievements}


def main() -> None:
    path, *rest = sys.argv[1:]
    started = time.perf_counter()
    database = Database(open_engine(f"sqlite:///{Path(path).resolve()}"), Bus())
    METADATA.create_all(database.engine)
    fill(database, *map(int, rest))
    database.close()
    figures = {
        "seconds": round(time.perf_counter() - started, 1),
        "bytes": Path(path).stat().st_size,
    }
    print(orjson.dumps(figures).decode())


if __name__ == "__main__":
    main()
