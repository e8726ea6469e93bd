"""The command line: what it prints, for people and for scripts, and how it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from debitor import __version__, identity
from debitor.cli import main
from debitor.server import StartError, free_address, only_server

ENVIRONMENT: dict[str, str | None] = {name: None for name in os.environ if name.startswith("DEBITOR_")}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the person who runs the tests, and cheap hashes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity, "_N", 16)


def run(*args: str) -> Result:
    return CliRunner(env=ENVIRONMENT).invoke(main, args)


def run_json(*args: str) -> Any:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def commands(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")

    assert result.exit_code == 0
    assert "Example:\n    " in result.stdout
    assert f"debitor {' '.join(path)}" in result.stdout


def test_version() -> None:
    assert run("version").stdout == f"debitor {__version__}\n"
    assert run("--version").stdout == f"debitor {__version__}\n"
    assert run_json("version") == {"name": "debitor", "version": __version__}


def test_an_application_is_created_listed_and_revoked() -> None:
    made = run_json("client", "create", "--name", "Shop", "--rights", "read")
    assert [row["rights"] for row in run_json("client", "list")] == ["read"]
    assert run("client", "revoke", made["client_id"]).exit_code == 0
    (row,) = run_json("client", "list")

    assert row["client_id"] == made["client_id"]
    assert row["revoked"]
    assert made["client_secret"] not in json.dumps(row), "secrets are shown once"
    assert made["client_secret"].encode() not in Path("debitor-data/debitor.db").read_bytes()


def test_the_secret_is_shown_to_people_once() -> None:
    result = run("client", "create", "--name", "Shop", "--client-id", "shop")

    assert "client id      shop\n" in result.stdout
    assert "client secret  " in result.stdout
    assert "shop" in run("client", "list").stdout


def test_keys_are_rotated_and_listed() -> None:
    run_json("client", "create", "--name", "Shop")
    first = run_json("key", "rotate")
    second = run_json("key", "rotate")
    rows = {row["kid"]: row for row in run_json("key", "list")}

    assert set(rows) == {first["kid"], second["kid"]}
    assert rows[second["kid"]]["current"]
    assert not rows[first["kid"]]["current"]
    assert rows[first["kid"]]["verifies_until"] > rows[second["kid"]]["created"]
    assert "PRIVATE" not in run("key", "list").stdout


def test_the_books_are_for_their_owner_only() -> None:
    """They hold the signing key."""
    run("client", "create", "--name", "Shop")

    assert Path("debitor-data").stat().st_mode & 0o077 == 0
    assert Path("debitor-data/debitor.db").stat().st_mode & 0o077 == 0


def test_settings_show_value_and_source() -> None:
    Path("debitor.toml").write_text("port = 8000")
    rows = {row["name"]: row for row in run_json("settings", "--data", "elsewhere")}

    assert (rows["port"]["value"], rows["port"]["source"]) == (8000, "file debitor.toml")
    assert (rows["data"]["value"], rows["data"]["source"]) == ("elsewhere", "flag --data")
    assert rows["host"]["source"] == "default"
    assert "8000" in run("settings").stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("client", "list"), 2, "There are no books at debitor-data/debitor.db. Start debitor serve"),
        (("check",), 2, "There are no books"),
        (("serve", "--port", "x"), 2, "flag --port: 'x' is not allowed"),
        (("serve", "--workers", "2"), 2, "cannot share a SQLite store"),
        (("serve", "--compat", "loose"), 2, "compat is documented or strict"),
        (("serve", "--database-url", "mysql://h/d"), 2, "postgresql://user@host/database"),
        (("settings", "--config", "none.toml"), 2, "none.toml cannot be read"),
        (("client", "create"), 2, "Missing option '--name'"),
        (("client", "create", "--name", "x", "--client-id", "a:b"), 1, "no colon"),
        (("client", "list", "--data", "file/below"), 2, "There are no books"),
        (("client", "create", "--name", "x", "--data", "file"), 2, "The folder file cannot be made: File exists"),
    ],
)
def test_errors_say_what_to_do_in_one_line(args: tuple[str, ...], code: int, said: str) -> None:
    Path("file").write_text("")
    result = run(*args)

    assert (result.exit_code, said in result.stderr) == (code, True), result.output
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_an_unknown_application_cannot_be_revoked() -> None:
    run("client", "create", "--name", "x")
    result = run("client", "revoke", "nobody")

    assert result.exit_code == 1
    assert result.stderr == "debitor: There is no application nobody; debitor client list shows them.\n"


def test_books_that_are_no_books() -> None:
    Path("debitor-data").mkdir()
    Path("debitor-data/debitor.db").write_text("this is no database, however long it may be" * 100)
    result = run("client", "list")

    assert result.exit_code == 2
    assert result.stderr.startswith("debitor: The books at debitor-data/debitor.db cannot be opened")


def test_the_server_refuses_to_run_without_assertions() -> None:
    """They protect the books; python -O removes them."""
    done = subprocess.run(
        [sys.executable, "-O", "-m", "debitor.cli", "serve", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 2
    assert "does not run under python -O" in done.stderr
    assert not Path("debitor-data").exists()


def test_version_settings_and_help_are_quick_to_import() -> None:
    """A script calls them often; the rooms of the server are imported by the commands that need them."""
    code = "import sys, debitor.cli; print([m for m in sys.modules if m in ('apsw', 'jwt', 'granian', 'msgspec')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stdout == "[]\n", done.stderr


def test_a_second_server_on_the_same_books_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books" / "debitor.db"
    with only_server(path), pytest.raises(StartError, match=f"process {os.getpid()}"), only_server(path):
        pass

    with only_server(path):
        assert path.with_name("debitor.db.lock").read_text() == str(os.getpid())


def test_a_port_in_use_is_refused() -> None:
    """Also when its owner shares it by SO_REUSEPORT, as the HTTP server does."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is in use"):
            free_address("127.0.0.1", port)

    assert free_address("127.0.0.1", 0) > 0


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1"):
        free_address("192.0.2.1", 0)
