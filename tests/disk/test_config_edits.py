import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.config import ConfigFile
from romm_lite.disk.config_edits import edit, list_value, quote, section
from romm_lite.kernel.errors import Conflict, Forbidden

MINE = """\
# my library
exclude:
  platforms:
    # the old one
    - romm   # keep this
    - '*.old'
unknown: {of: a newer program}
filesystem:
  roms_folder: "games"
"""


@pytest.fixture
def config(tmp_path: Path) -> ConfigFile:
    path = tmp_path / "config.yml"
    path.write_text(MINE)
    return ConfigFile(path)


def add(name: str) -> Any:
    def change(document: dict[str, Any]) -> bool:
        list_value(document, "excluded_platforms").extend(quote([name]))
        return True

    return change


def test_all_but_the_change_stays_as_it_was_written(config: ConfigFile) -> None:
    assert edit(config, add("snes"))
    expected = MINE.replace("    - '*.old'\n", "    - '*.old'\n    - snes\n")
    assert config.path.read_text() == expected
    assert "snes" in config.read().excluded_platforms


def test_the_version_before_is_kept(config: ConfigFile) -> None:
    edit(config, add("snes"))
    assert (config.path.parent / "config.yml.bak").read_text() == MINE


def test_a_change_that_is_none_writes_nothing(config: ConfigFile) -> None:
    before = config.state().version
    assert not edit(config, lambda _: False)
    assert config.state().version == before


def test_comments_of_a_file_without_keys_stay(config: ConfigFile) -> None:
    config.path.write_text("# nothing yet")
    edit(config, add("snes"))
    assert config.path.read_text().startswith("# nothing yet\nexclude:")
    assert "snes" in config.read().excluded_platforms


def test_an_absent_file_is_made(tmp_path: Path) -> None:
    config = ConfigFile(tmp_path / "new" / "config.yml")
    assert edit(config, add("snes"))
    assert "snes" in config.read().excluded_platforms


@pytest.mark.parametrize(
    "text", ["exclude: [\n", "a: 1\na: 2\n", "- a list\n", "exclude: {platforms: text}\n"]
)
def test_a_file_that_is_broken_is_never_written(config: ConfigFile, text: str) -> None:
    config.path.write_text(text)
    with pytest.raises(Conflict, match=r"[mM]end it"):
        edit(config, add("snes"))
    assert config.path.read_text() == text


def test_a_file_that_is_not_utf_8_is_never_written(config: ConfigFile) -> None:
    config.path.write_bytes(b"a: \xff\n")
    with pytest.raises(Conflict, match="UTF-8"):
        edit(config, add("snes"))
    assert config.path.read_bytes() == b"a: \xff\n"


def test_a_section_that_is_none_is_told(config: ConfigFile) -> None:
    config.path.write_text("system: text\n")
    with pytest.raises(Conflict, match="system in config"):
        edit(config, lambda document: bool(section(document, ["system", "platforms"])))


def test_a_change_decided_on_another_version_is_refused(config: ConfigFile) -> None:
    seen = config.state().version
    edit(config, add("snes"), seen)
    with pytest.raises(Conflict, match="changed meanwhile"):
        edit(config, add("nes"), seen)
    assert "nes" not in config.read().excluded_platforms


def test_a_file_changed_by_somebody_else_during_the_change_is_not_overwritten(
    config: ConfigFile,
) -> None:
    def change(document: dict[str, Any]) -> bool:
        config.path.write_text("theirs: true\n")
        return bool(add("snes")(document))

    with pytest.raises(Conflict, match="changed meanwhile"):
        edit(config, change)
    assert config.path.read_text() == "theirs: true\n"


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yml").mkdir()
    with pytest.raises(Forbidden, match="not writable"):
        edit(ConfigFile(tmp_path / "config.yml"), add("snes"))


def test_a_link_goes_on_leading_to_the_file(config: ConfigFile, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "config.yml"
    link.parent.mkdir()
    link.symlink_to(config.path)
    edit(ConfigFile(link), add("snes"))
    assert link.is_symlink()
    assert "snes" in config.path.read_text()


def test_no_change_is_lost_among_many_at_once(config: ConfigFile) -> None:
    names = [f"platform{number}" for number in range(12)]
    threads = [threading.Thread(target=edit, args=(config, add(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(names) <= set(config.read().excluded_platforms)


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable() and name.strip())


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_whatever_is_added_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    config = ConfigFile(tmp_path_factory.mktemp("config") / "config.yml")
    for name in names:
        edit(config, add(name))
    assert set(names) <= set(config.read().excluded_platforms)
    assert config.state().parse_error is None
