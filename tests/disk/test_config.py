import logging
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.config import KEYS, ConfigFile, LibraryConfig, load
from romm_lite.disk.exclusions import DEFAULT_DIRS, DEFAULT_EXTENSIONS

FULL = """\
# my library
exclude:
  platforms: [romm, '*.old']
  roms:
    single_file:
      extensions: [XML, hash.txt]
      names: ['*.part']
    multi_file:
      names: [final fantasy]
      parts:
        extensions: [CUE]
        names: ['._*']
system:
  platforms: {gc: ngc, 2600: atari2600}
  versions: {naomi: arcade}
library:
  - path: /mnt/nas
  - {path: ../more, layout: b}
  - {path: /srv/2600, platform: 2600}
filesystem: {roms_folder: games, firmware_folder: firmware, skip_hash_calculation: yes}
emulatorjs:
  debug: true
  cache_limit: 1024
  netplay:
    enabled: on
    ice_servers: [{urls: 'stun:example.org'}]
  settings: {snes9x: {snes9x_region: ntsc}}
  controls: {snes9x: {0: {8: {value: x, value2: BUTTON_2}}}}
scan:
  priority:
    metadata: [ss, igdb]
    cover: [sgdb, ss]
    region: [jp, no]
    region_mode: prefer_config
  media: [box3d, hologram, video]
  gamelist: {export: true, media: {thumbnail: box3d, image: hologram}}
streaming:
  enabled: true
  containers: [{platform: win, host: a, broker_host: b, label: c}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "config.yml"


@pytest.fixture
def written(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text(FULL)
    return path


def test_every_attribute_has_a_key() -> None:
    attributes = {field.name for field in fields(LibraryConfig)}
    assert set(KEYS) == attributes - {"library_unknown"}


def test_a_missing_file_is_made_and_gives_the_defaults(path: Path) -> None:
    file = ConfigFile(path)
    assert file.read() == LibraryConfig()
    assert path.read_bytes() == b""
    assert (file.state().mounted, file.state().writable) == (True, True)
    assert file.state().parse_error is None


def test_a_file_that_cannot_be_made_is_not_mounted(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    file = ConfigFile(tmp_path / "config" / "config.yml")
    assert file.read() == LibraryConfig()
    assert not file.state().mounted
    assert not file.state().writable


def test_a_folder_in_the_files_place_is_not_mounted(path: Path) -> None:
    path.mkdir(parents=True)
    assert ConfigFile(path).read() == LibraryConfig()
    assert not ConfigFile(path).state().mounted


def test_every_key_is_read(written: Path) -> None:
    config, problem = load(written)
    assert problem is None
    assert config.excluded_platforms == tuple(sorted({*DEFAULT_DIRS, "romm", "*.old"}))
    assert config.excluded_single_ext == tuple(sorted({*DEFAULT_EXTENSIONS, "xml", "hash.txt"}))
    assert "*.part" in config.excluded_single_files
    assert "final fantasy" in config.excluded_multi_files
    assert "cue" in config.excluded_multi_parts_ext
    assert "._*" in config.excluded_multi_parts_files
    assert config.platforms_binding == {"gc": "ngc", "2600": "atari2600"}
    assert config.platforms_versions == {"naomi": "arcade"}
    assert (config.roms_folder, config.firmware_folder) == ("games", "firmware")
    assert config.skip_hash_calculation is True
    assert config.ejs_debug is True
    assert config.ejs_cache_limit == 1024
    assert config.ejs_netplay_enabled is True
    assert config.ejs_netplay_ice_servers == ({"urls": "stun:example.org"},)
    assert config.ejs_settings == {"snes9x": {"snes9x_region": "ntsc"}}
    assert config.ejs_controls == {
        "snes9x": {"_0": {"8": {"value": "x", "value2": "BUTTON_2"}}, "_1": {}, "_2": {}, "_3": {}}
    }
    assert config.scan_metadata_priority == ("ss", "igdb")
    assert config.scan_artwork_priority == LibraryConfig().scan_artwork_priority
    assert config.scan_artwork_priority_overrides == {"url_cover": ("sgdb", "ss")}
    assert config.scan_region_priority == ("jp", "no")
    assert config.region_mode == "prefer_config"
    assert config.scan_media == ("box3d", "video")
    assert config.gamelist_auto_export_on_scan is True
    assert config.gamelist_media_thumbnail == "box3d"
    assert config.gamelist_media_image == "screenshot"
    assert config.streaming_enabled is True
    assert config.streaming_containers[0]["broker_host"] == "b"


@pytest.mark.parametrize("text", ["", "# only a remark\n\n", "{}", "exclude:\n  platforms:\n"])
def test_nothing_said_means_the_defaults(written: Path, text: str) -> None:
    written.write_text(text)
    assert load(written) == (LibraryConfig(), None)


@pytest.mark.parametrize("text", ["a: [1", "\t- x", "a: !!python/object:os.system x", "a: b: c"])
def test_no_yaml_ignores_the_file_and_says_why(written: Path, text: str) -> None:
    written.write_text(text)
    config, problem = load(written)
    assert config == LibraryConfig()
    assert problem is not None
    assert problem.startswith("the file is ignored")


@pytest.mark.parametrize("data", [b"a: \xff\xfe", b"\x00\x01", b"a: 2024-99-99"])
def test_bytes_that_are_no_text_ignore_the_file(written: Path, data: bytes) -> None:
    written.write_bytes(data)
    config, problem = load(written)
    assert config == LibraryConfig()
    assert problem


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("exclude: {platforms: romm}", "exclude.platforms must be a list"),
        ("exclude: {platforms: [{a: b}]}", "exclude.platforms must be a list of text"),
        ("exclude: [roms]", "exclude must be a mapping"),
        ("- exclude", "the file must be a mapping"),
        ("system: {platforms: {gc: null}}", "system.platforms must map"),
        ("system: {versions: [gc]}", "system.versions must map"),
        ("filesystem: {roms_folder: ''}", "filesystem.roms_folder must be a folder"),
        ("filesystem: {roms_folder: ../../etc}", "filesystem.roms_folder must be a folder"),
        ("filesystem: {firmware_folder: /etc}", "filesystem.firmware_folder must be a folder"),
        ("filesystem: {skip_hash_calculation: 1}", "skip_hash_calculation must be true or false"),
        ("emulatorjs: {cache_limit: lots}", "emulatorjs.cache_limit must be a whole number"),
        ("emulatorjs: {netplay: {ice_servers: [{}]}}", "ice_servers must be a list of mappings"),
        ("emulatorjs: {settings: {a: 1}}", "emulatorjs.settings must map cores"),
        ("emulatorjs: {controls: {a: {0: x}}}", "emulatorjs.controls must be a mapping"),
        ("scan: {priority: {cover: ss}}", "scan.priority has a cover"),
        ("scan: {priority: 3}", "scan.priority must be a mapping"),
        ("streaming: {containers: yes}", "streaming.containers must be a list"),
    ],
)
def test_a_wrong_type_costs_only_its_key(written: Path, line: str, message: str) -> None:
    beside = "" if line.startswith("-") else "\npegasus: kept\n"
    written.write_text(line + beside)
    config, problem = load(written)
    assert config == LibraryConfig()
    assert problem is not None
    assert message in problem


def test_right_keys_stay_beside_a_wrong_one(written: Path) -> None:
    written.write_text("filesystem:\n  roms_folder: [1]\n  firmware_folder: fw\n")
    config, problem = load(written)
    assert (config.roms_folder, config.firmware_folder) == ("roms", "fw")
    assert problem == "filesystem.roms_folder must be a folder below the library, such as roms"


def test_a_change_is_seen_and_a_mended_file_has_no_error(written: Path) -> None:
    file = ConfigFile(written)
    assert file.read().roms_folder == "games"
    written.write_text("a: [1")
    assert file.read() == LibraryConfig()
    assert file.state().parse_error
    written.write_text("filesystem: {roms_folder: spiele}")
    assert file.read().roms_folder == "spiele"
    assert file.state().parse_error is None


def test_an_error_goes_when_the_file_goes(written: Path) -> None:
    file = ConfigFile(written)
    written.write_text("a: [1")
    assert file.state().parse_error
    written.unlink()
    assert file.read() == LibraryConfig()
    assert file.state().parse_error is None


def test_an_unchanged_file_is_read_once_and_its_error_logged_once(
    written: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written.write_text("exclude: 3")
    file = ConfigFile(written)
    with caplog.at_level(logging.WARNING):
        first = file.read()
        assert file.read() is first
    assert [record.message for record in caplog.records] == [
        "Invalid config.yml: exclude must be a mapping"
    ]


@pytest.mark.usefixtures("needs_rights")
def test_a_file_without_rights_is_told(written: Path) -> None:
    written.chmod(0)
    file = ConfigFile(written)
    assert file.read() == LibraryConfig()
    assert not file.state().writable
    assert file.state().parse_error
    written.chmod(0o600)
    assert file.read().roms_folder == "games"


@given(text=st.text(st.characters(codec="utf-8"), max_size=80))
def test_no_text_stops_the_reading(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "config.yml"
    path.write_text(text)
    assert isinstance(load(path)[0], LibraryConfig)
