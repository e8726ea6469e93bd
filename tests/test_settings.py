"""Settings: which source wins, and what is said about values that cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from debitor.settings import NAMES, SettingsError, load


def test_each_source_wins_over_the_next(tmp_path: Path) -> None:
    """Flag, then environment, then file, then default; each value knows where it comes from."""
    file = tmp_path / "debitor.toml"
    file.write_text('port = 1001\nhost = "file"\ncompat = "strict"\n')
    environ = {"DEBITOR_PORT": "1002", "DEBITOR_HOST": "environment"}
    made = load({"port": "1003", "host": None}, environ=environ, folder=tmp_path)

    assert (made.port, made.host, made.compat, made.workers) == (1003, "environment", "strict", 1)
    assert made.sources == {
        "port": "flag --port",
        "host": "environment DEBITOR_HOST",
        "compat": f"file {file}",
    }


def test_a_file_can_be_named_by_flag_and_by_variable(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text("port = 1")
    two.write_text("port = 2")

    assert load(environ={"DEBITOR_CONFIG": str(two)}, folder=tmp_path).port == 2
    assert load(environ={"DEBITOR_CONFIG": str(two)}, config=one, folder=tmp_path).port == 1


def test_defaults_need_nothing(tmp_path: Path) -> None:
    made = load(environ={"HOME": "/nowhere"}, folder=tmp_path)

    assert (made.host, made.port, made.data) == ("127.0.0.1", 7048, Path("debitor-data"))
    assert made.origin == "http://127.0.0.1:7048"
    assert made.store_url == "sqlite://debitor-data/debitor.db"
    assert made.sources == {}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"DEBITOR_PORT": "x"},
            "environment DEBITOR_PORT: 'x' is not allowed; port is a whole number from 0 to 65535",
        ),
        ({"DEBITOR_PORT": "65536"}, "from 0 to 65535"),
        ({"DEBITOR_PORT": "-1"}, "from 0 to 65535"),
        ({"DEBITOR_COMPAT": "loose"}, "compat is documented or strict"),
        ({"DEBITOR_DEMO": "maybe"}, "demo is true or false"),
        ({"DEBITOR_MAX_BODY": "2GB"}, "32MB"),
        ({"DEBITOR_DATABASE_URL": "mysql://u:p@h/d"}, "postgresql://user@host/database"),
        ({"DEBITOR_REPLICA_URL": "postgresql://h/d"}, "SQLite has no replicas"),
        ({"DEBITOR_REPLICA_URL": "h/d", "DEBITOR_DATABASE_URL": "postgresql://h/d"}, "the address of a replica"),
        ({"DEBITOR_DATABASE_URL": "sqlite://"}, "sqlite:///path/to/debitor.db"),
        ({"DEBITOR_PUBLIC_URL": "books.example.com"}, "https://books.example.com"),
        ({"DEBITOR_PROT": "1"}, "there is no setting DEBITOR_PROT; did you mean DEBITOR_PORT?"),
        ({"DEBITOR_WORKERS": "2"}, "2 workers cannot share a SQLite store"),
        ({"DEBITOR_TLS_CERT": "cert.pem"}, "set tls_key too"),
        ({"DEBITOR_CLIENT_ID": "ci"}, "set client_secret too"),
        ({"DEBITOR_CONFIG": "/nowhere/debitor.toml"}, "cannot be read"),
    ],
)
def test_wrong_values_name_source_and_what_is_allowed(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load(environ=environ, folder=tmp_path)

    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("prot = 1", "there is no setting prot; did you mean port?"),
        ("port = true", "port is a whole number"),
        ("port = 1.5", "port is a whole number"),
        ("host = 5", "host is a text"),
        ("port = ", "is not a TOML file"),
        ("[server]\nport = 1", "there is no setting server"),
    ],
)
def test_wrong_files(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "debitor.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as raised:
        load(environ={}, folder=tmp_path)

    assert message in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    """Neither in the list nor in an error."""
    made = load(environ={"DEBITOR_CLIENT_ID": "ci", "DEBITOR_CLIENT_SECRET": "hush"}, folder=tmp_path)

    assert [row["name"] for row in made.rows()] == list(NAMES)
    assert "hush" not in str(made.rows())
    (tmp_path / "debitor.toml").write_text("client_secret = 12345")
    with pytest.raises(SettingsError) as raised:
        load(environ={}, folder=tmp_path)
    assert "12345" not in str(raised.value)


@pytest.mark.parametrize(
    ("raw", "size"), [("1", 1), (5, 5), ("1KB", 1024), ("32MB", 32 << 20), ("2 m", 2 << 20), ("1GB", 1 << 30)]
)
def test_sizes(raw: Any, size: int, tmp_path: Path) -> None:
    assert load({"max_body": raw}, environ={}, folder=tmp_path).max_body == size


@pytest.mark.parametrize(
    ("flags", "origin"),
    [
        ({"host": "0.0.0.0"}, "http://127.0.0.1:7048"),
        ({"host": "::1", "port": "80"}, "http://[::1]:80"),
        ({"public_url": "https://books.example.com/"}, "https://books.example.com"),
    ],
)
def test_the_origin_can_be_reached(flags: dict[str, Any], origin: str, tmp_path: Path) -> None:
    assert load(flags, environ={}, folder=tmp_path).origin == origin


def test_a_secret_is_not_in_the_text_of_settings() -> None:
    """They may end in a log."""
    made = load(environ={"DEBITOR_CLIENT_ID": "ci", "DEBITOR_CLIENT_SECRET": "hush"}, folder=Path("/nowhere"))

    assert made.client_secret == "hush"
    assert "hush" not in repr(made)


def test_lists_come_from_a_file_or_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "debitor.toml"
    file.write_text('trusted_proxies = ["10.0.0.0/8", "::1"]\ncors_origins = "https://a.example, http://b.example:1"')
    made = load(environ={}, folder=tmp_path)
    told = {row["name"]: row["value"] for row in made.rows()}

    assert made.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert made.cors_origins == ("https://a.example", "http://b.example:1")
    assert told["trusted_proxies"] == "10.0.0.0/8, ::1/128"
    assert load(environ={"DEBITOR_TRUSTED_PROXIES": "127.0.0.1"}, folder=tmp_path).trusted_proxies == (
        "127.0.0.1/32",
    )


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"DEBITOR_TRUSTED_PROXIES": "10.0.0.1/8"}, "trusted_proxies is a list of addresses or networks"),
        ({"DEBITOR_TRUSTED_PROXIES": "proxy.internal"}, "10.0.0.0/8"),
        ({"DEBITOR_CORS_ORIGINS": "https://a.example/path"}, "without a path"),
        ({"DEBITOR_LIMITS": "strict"}, "limits is off or online"),
        ({"DEBITOR_LIMIT_AT_ONCE": "0"}, "from 1 to 10000"),
    ],
)
def test_values_of_the_front_door_that_cannot_be(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        load(environ=environ, folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p%40ss@h:1/d", "postgresql://u:********@h:1/d"),
        ("postgresql://u@h/d?password=p&x=y", "postgresql://u@h/d?password=********&x=y"),
        ("postgresql://h/d", "postgresql://h/d"),
    ],
)
def test_passwords_of_databases_are_not_shown(url: str, shown: str) -> None:
    made = load({"database_url": url, "replica_url": url}, environ={})

    assert made.store_url == url
    assert made.place == shown
    rows = {row["name"]: row["value"] for row in made.rows()}
    assert rows["database_url"] == rows["replica_url"] == shown
