"""The documentation cannot drift: every command, exit code, setting, stage and table it must name is named."""

import re
from pathlib import Path

import click
import pytest

from urbextag import errors
from urbextag.cli.app import cli
from urbextag.config import Config
from urbextag.store.migrations import MIGRATIONS

ROOT = Path(__file__).parent.parent
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group, prefix="urbextag"):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


@pytest.mark.parametrize(("name", "command"), list(commands(cli)))
def test_every_command_is_documented_and_has_help(name, command):
    noun, _, verb = name.removeprefix("urbextag ").partition(" ")
    line = next((line for line in CLI.splitlines() if f"urbextag {noun}" in line and verb in line), None)
    assert line, f"docs/cli.md does not name {name}"
    assert command.get_short_help_str(limit=70) and not command.get_short_help_str(limit=70).endswith("...")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden and name != "urbextag tag":
            assert parameter.help or parameter.name in ("city",), f"{name} {parameter.name} has no help"


def test_every_exit_code_is_documented():
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.UrbextagError)
    }
    for code in codes | {0, 130}:
        assert re.search(rf"^\| {code} \|", CLI, re.MULTILINE), f"docs/cli.md does not name exit code {code}"


def test_every_setting_is_documented():
    for name, field in Config.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for key in [f"{name}.{part}" for part in inner] if inner else [name]:
            assert f"`{key}" in CLI, f"docs/cli.md does not name the setting {key}"


def test_every_stage_and_table_is_documented():
    from urbextag.pipeline import PROFILES

    stages = (ROOT / "docs" / "stages.md").read_text(encoding="utf-8")
    for name in {name for names in PROFILES.values() for name in names}:
        assert f"| `{name.split('.')[-1].split(':')[0]}` |" in stages
    archive = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
    for table in re.findall(r"CREATE TABLE (ut_\w+)", " ".join(sql for _, sql in MIGRATIONS)):
        assert f"`{table}`" in archive


def test_links_of_the_readme_and_docs_lead_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_readme_s_commands_are_real():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([\w-]+)$", text, re.MULTILINE)) | {"demo"} <= targets
    for noun, verb in re.findall(r"^urbextag (\w+)(?: (\w+))?", text, re.MULTILINE):
        command = cli.commands[noun]
        if isinstance(command, click.Group):
            assert verb in command.commands
