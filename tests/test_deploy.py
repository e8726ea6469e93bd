"""The files of deploy/ name what exists: paths, settings, commands, and the same locked versions."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from debitor.cli import main
from debitor.settings import load

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "debitor.service").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
LOCKS = {name: (ROOT / f"{name}.lock").read_text() for name in ("requirements-server", "requirements-dev")}


def settings_in(text: str) -> dict[str, str]:
    return dict(re.findall(r"\b(DEBITOR_[A-Z_]+)[=:] ?([^\s\\]+)", text))


def test_the_image_copies_what_is_there_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        name
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in shlex.split(line)[1:-1]
    ]

    assert {"pyproject.toml", "src", "requirements-server.lock"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_nothing_runs_as_root() -> None:
    stages = DOCKERFILE.split("\nFROM ")

    assert re.search(r"^USER debitor$", stages[-1], re.MULTILINE)
    assert re.search(r"^User=debitor$", UNIT, re.MULTILINE)
    assert COMPOSE["services"]["debitor"]["ports"] == ["127.0.0.1:7048:7048"]


@pytest.mark.parametrize("text", [DOCKERFILE, UNIT, (DEPLOY / "compose.yaml").read_text()])
def test_settings_exist_and_are_allowed(text: str) -> None:
    given = settings_in(text)

    assert given
    loaded = load({}, environ=given)
    assert all(source.startswith("environment") for source in loaded.sources.values())


def test_commands_exist() -> None:
    unit = re.search(r"^ExecStart=/opt/debitor/bin/debitor (\w+)$", UNIT, re.MULTILINE)
    assert unit is not None
    for command in ([unit[1]], ["serve"], COMPOSE["services"]["debitor"]["command"]):
        assert CliRunner().invoke(main, [*command, "--help"]).exit_code == 0


def test_the_compose_file_builds_from_the_repository_alone() -> None:
    build = COMPOSE["services"]["debitor"]["build"]

    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == (DEPLOY / "Dockerfile").resolve()
    assert COMPOSE["services"]["debitor"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert "POSTGRES_PASSWORD" in str(COMPOSE["services"]["database"]["environment"])


def test_servers_get_the_versions_that_the_tests_had() -> None:
    """And every dependency, of every extra."""

    def pinned(text: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))

    server, tested = pinned(LOCKS["requirements-server"]), pinned(LOCKS["requirements-dev"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[\[; ]", each)[0] for each in wanted}

    assert names <= server.keys()
    assert {name: tested.get(name) for name in server} == server


def test_every_page_of_operating_is_in_its_index() -> None:
    folder = ROOT / "docs" / "operating"
    index = (folder / "README.md").read_text()
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}

    assert set(re.findall(r"\(([a-z-]+\.md)\)", index)) == pages


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_flags_that_pages_name_exist(page: Path) -> None:
    """`debitor serve --metrics local`, and `--drain-delay` alone between backquotes."""

    def flags(command: click.Command) -> set[str]:
        own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        below = command.commands.values() if isinstance(command, click.Group) else ()
        return own.union(*(flags(each) for each in below))

    text = page.read_text()
    named = set(re.findall(r"`(--[a-z][a-z-]+)[ `]", text))
    named |= {
        flag for line in re.findall(r"debitor [a-z][^\n`]*", text) for flag in re.findall(r" (--[a-z][a-z-]+)", line)
    }
    foreign = {"--help", "--version", "--requests", "--out", "--home-dir", "--system"}

    assert named - foreign <= flags(main)
