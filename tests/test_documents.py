"""What the documents say is true: every setting and command stands in the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from romm_lite.cli import cli
from romm_lite.kernel.settings import CONTAINER_ONLY, Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))


def verbs(command: click.Command, name: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for child, inner in command.commands.items():
            yield from verbs(inner, f"{name} {child}")
    else:
        yield name


@pytest.mark.parametrize("setting", list(Settings.model_fields))
def test_every_setting_stands_in_the_readme(setting: str) -> None:
    field = Settings.model_fields[setting]
    row = next((line for line in README.splitlines() if f"| `{setting.upper()}`" in line), "")
    assert field.description, f"{setting} has no description"
    assert field.description in row


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"^\| `([A-Z0-9_]+)`", README, flags=re.M))
    assert named <= {setting.upper() for setting in Settings.model_fields}


def test_ignored_settings_are_named() -> None:
    patterns = re.findall(r"`([A-Z0-9_]+\*?)`", README)
    for name in CONTAINER_ONLY:
        assert any(name == each or name.startswith(each.rstrip("*")) for each in patterns)


@pytest.mark.parametrize("verb", list(verbs(cli, "romm-lite")))
def test_every_command_stands_in_the_readme(verb: str) -> None:
    assert f"`{verb}`" in README


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, flags=re.M)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \S", makefile, flags=re.M), target
