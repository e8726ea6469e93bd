"""What can be set, and where each value comes from: flag, then DEBITOR_* variable, then TOML file, then default.

One frozen `Settings` is made at start and handed down; nothing else reads the environment.
"""

# ruff: noqa: RUF009 - _setting() makes a dataclass field

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

PREFIX = "DEBITOR_"
CONFIG = "DEBITOR_CONFIG"
DEFAULT_FILE = "debitor.toml"
_TESTS = f"{PREFIX}TEST_"
"""What debitor's own tests are told begins so."""
_SERVERS = ("postgresql", "postgres")


class SettingsError(Exception):
    """A setting has a wrong value or an unknown name; the message says where it was found and what is allowed."""


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("a text")
    return raw.strip()


def _path(raw: Any) -> Path:
    text = str(raw).strip() if isinstance(raw, str | os.PathLike) else ""
    if not text:
        raise ValueError("a path")
    return Path(text).expanduser()


def _optional_path(raw: Any) -> Path | None:
    return None if raw is None or raw == "" else _path(raw)


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(raw, str) and raw.strip().lower() in known:
        return known[raw.strip().lower()]
    raise ValueError("true or false")


def _whole(low: int, high: int) -> Callable[[Any], int]:
    allowed = f"a whole number from {low} to {high}"

    def read(raw: Any) -> int:
        if isinstance(raw, bool) or not re.fullmatch(r"\d{1,12}", str(raw).strip(), re.ASCII):
            raise ValueError(allowed)
        value = int(str(raw).strip())
        if not low <= value <= high:
            raise ValueError(allowed)
        return value

    return read


_UNITS = {"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def _size(raw: Any) -> int:
    found = re.fullmatch(r"(\d{1,10})\s*([KMG]?B?)", str(raw).strip().upper(), re.ASCII)
    unit = (found[2].rstrip("B") + "B").lstrip("B") if found else ""
    if isinstance(raw, bool) or not found or not 1 <= (size := int(found[1]) * _UNITS[unit]) <= 1 << 30:
        raise ValueError("a number of bytes from 1 to 1 GB, such as 33554432 or 32MB")
    return size


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if isinstance(raw, str) and raw.strip().lower() in allowed:
            return raw.strip().lower()
        raise ValueError(" or ".join(allowed))

    return read


def _database_url(raw: Any) -> str:
    url = _text(raw)
    scheme, _, rest = url.partition("://")
    if url and not (scheme in ("sqlite", *_SERVERS) and rest.strip("/")):
        raise ValueError(
            "sqlite:///path/to/debitor.db, or postgresql://user@host/database, or nothing for SQLite in the folder "
            "`data`"
        )
    return url


def _replica_url(raw: Any) -> str:
    url = _text(raw)
    if url and url.partition("://")[0] not in _SERVERS:
        raise ValueError("the address of a replica, such as postgresql://user@host/database, or nothing")
    return url


def masked(url: str) -> str:
    """Return the address of a store without its password."""
    return re.sub(r"(//[^/@:]*):[^@]*@", r"\1:********@", re.sub(r"([?&]password=)[^&]*", r"\1********", url))


def _public_url(raw: Any) -> str:
    url = _text(raw).rstrip("/")
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/-]*)?", url):
        raise ValueError("an address such as https://books.example.com, or nothing")
    return url


def _smtp_url(raw: Any) -> str:
    url = _text(raw)
    if url and not re.fullmatch(r"smtps?://([^\s@/]+@)?[A-Za-z0-9.\-\[\]:]+/?", url):
        raise ValueError("an address such as smtp://user:password@mail.example.com:587 or smtps://..., or nothing")
    return url


def _mailbox(raw: Any) -> str:
    text = _text(raw)
    if text and not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+|[^<>\r\n]{1,100} <[^\s@<>]+@[^\s@<>]+>", text):
        raise ValueError("a mail address such as ar@example.com or Accounts <ar@example.com>, or nothing")
    return text


def _several(read: Callable[[str], str]) -> Callable[[Any], tuple[str, ...]]:
    """A list in a file; in a flag or a variable the same with commas between."""

    def read_all(raw: Any) -> tuple[str, ...]:
        values = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise ValueError("a list of texts, or one text with commas between them")
        return tuple(read(value.strip()) for value in values if value.strip())

    return read_all


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("a list of addresses or networks, such as 10.0.0.0/8, ::1") from None


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.\-\[\]:]+", text):
        raise ValueError("a list of origins such as https://app.example.com without a path, or *")
    return text


def _setting(default: Any, read: Callable[[Any], Any], about: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"read": read, "about": about, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force. `sources` says for each name where its value comes from."""

    host: str = _setting("127.0.0.1", _text, "address to listen on")
    port: int = _setting(7048, _whole(0, 65535), "port to listen on; 0 takes a free one")
    data: Path = _setting(Path("debitor-data"), _path, "folder of the books")
    database_url: str = _setting(
        "", _database_url, "sqlite:///path or postgresql://user@host/database instead of debitor.db in `data`"
    )
    replica_url: str = _setting(
        "", _replica_url, "replica of the PostgreSQL database, for reads with Data-Access-Intent: ReadOnly"
    )
    demo: bool = _setting(False, _flag, "create a demo company in empty books")
    compat: str = _setting(
        "documented", _one_of("documented", "strict"), "documented, or strict: as Business Central itself"
    )
    workers: int = _setting(1, _whole(1, 64), "server processes that share one PostgreSQL database")
    tls_cert: Path | None = _setting(None, _optional_path, "certificate chain (PEM) to serve https")
    tls_key: Path | None = _setting(None, _optional_path, "private key (PEM) of the certificate")
    public_url: str = _setting("", _public_url, "address that clients use, when it differs from host and port")
    trusted_proxies: tuple[str, ...] = _setting(
        (), _several(_network), "networks of proxies whose Forwarded and X-Forwarded-* headers are believed"
    )
    cors_origins: tuple[str, ...] = _setting((), _several(_origin), "origins of browser applications that may ask")
    limits: str = _setting("off", _one_of("off", "online"), "off, or online: as many requests as Business Central")
    limit_requests: int = _setting(6000, _whole(1, 10_000_000), "requests of a user in one window")
    limit_window: int = _setting(300, _whole(1, 86_400), "seconds of that window")
    limit_at_once: int = _setting(5, _whole(1, 10_000), "requests of a user that are answered at the same time")
    limit_queue: int = _setting(95, _whole(0, 10_000), "requests of a user that may wait for their turn")
    limit_wait: int = _setting(480, _whole(1, 3600), "seconds that one waits at most")
    limit_work: int = _setting(480, _whole(1, 3600), "seconds that a request may take")
    max_body: int = _setting(32 << 20, _size, "largest request body, in bytes after decompression")
    max_media: int = _setting(150 << 20, _size, "largest content of an attachment, in bytes")
    deletions_kept: int = _setting(30, _whole(1, 3650), "days for which delta links can tell what was deleted")
    webhook_delay: int = _setting(
        1000, _whole(10, 3_600_000), "milliseconds that changes wait for more before subscribers are told"
    )
    webhook_private: bool = _setting(False, _flag, "subscribers may have private addresses")
    webhook_http: bool = _setting(False, _flag, "subscribers on this machine may be told by plain http")
    compression: bool = _setting(True, _flag, "answers in gzip, br or zstd for clients that accept them")
    token_lifetime: int = _setting(3600, _whole(60, 86400), "seconds that an access token is valid")
    refresh_lifetime: int = _setting(
        7_776_000, _whole(60, 31_536_000), "seconds after which an unused refresh token ends"
    )
    smtp_url: str = _setting("", _smtp_url, "mail server that sends documents to customers", secret=True)
    mail_from: str = _setting("", _mailbox, "sender of these mails")
    mail_retry: int = _setting(60, _whole(1, 86400), "seconds before a mail is tried again; doubles each time")
    idempotency_lifetime: int = _setting(
        86_400, _whole(60, 2_592_000), "seconds that the answer to a request with an Idempotency-Key is kept"
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "what is logged to standard error"
    )
    log_format: str = _setting("text", _one_of("text", "json"), "text, or json: one object a line")
    log_requests: str = _setting(
        "failed", _one_of("none", "failed", "all"), "none, failed (5xx, or slower than a second), or all"
    )
    metrics: str = _setting(
        "local", _one_of("off", "local", "all"), "who may read /metrics: nobody, this machine, or all"
    )
    otlp_endpoint: str = _setting(
        "", _public_url, "where OpenTelemetry traces go, such as http://127.0.0.1:4318/v1/traces, or nothing"
    )
    drain_delay: int = _setting(
        0, _whole(0, 300), "seconds for which a stopping server still takes requests while /readyz says 503"
    )
    client_id: str = _setting("", _text, "application to register at the first start")
    client_secret: str = _setting("", _text, "its secret; set it in the environment", secret=True)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def store_path(self) -> Path:
        """The SQLite file; asked for only when there is one."""
        assert not self.on_server, "the books are not in a file"
        if self.database_url:
            return Path(self.database_url.removeprefix("sqlite://"))
        return self.data / "debitor.db"

    @property
    def store_url(self) -> str:
        """The address of the store, as `store.opening.open_store` takes it."""
        return self.database_url if self.on_server else f"sqlite://{self.store_path}"

    @property
    def on_server(self) -> bool:
        """The books are in a database server, not in a file."""
        return self.database_url.partition("://")[0] in _SERVERS

    @property
    def place(self) -> str:
        """Where the books are, for people."""
        return masked(self.database_url) if self.on_server else str(self.store_path.parent)

    @property
    def origin(self) -> str:
        """The address of the server without a path: `http://127.0.0.1:7048`."""
        if self.public_url:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"{'https' if self.tls_cert else 'http'}://{host}:{self.port}"

    def rows(self) -> list[dict[str, Any]]:
        """Every setting as name, value (secrets masked), source and what it is for; JSON-ready."""
        table = []
        for each in _FIELDS.values():
            value = getattr(self, each.name)
            if each.metadata["secret"] and value:
                value = "********"
            elif each.name in ("database_url", "replica_url"):
                value = masked(value)
            elif isinstance(value, Path):
                value = str(value)
            elif isinstance(value, tuple):
                value = ", ".join(value)
            table.append(
                {
                    "name": each.name,
                    "value": value,
                    "source": self.sources.get(each.name, "default"),
                    "about": each.metadata["about"],
                }
            )
        return table


_FIELDS = {each.name: each for each in fields(Settings) if each.name != "sources"}
NAMES = tuple(_FIELDS)


def _unknown(name: str, where: str, known: list[str]) -> SettingsError:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
    return SettingsError(f"{where}: there is no setting {name}; {hint}")


def _config_file(config: Path | None, environ: Mapping[str, str], folder: Path) -> tuple[Path, str] | None:
    """The TOML file to read and how it was named, or None."""
    if config is not None:
        return config, "--config"
    if environ.get(CONFIG):
        return Path(environ[CONFIG]).expanduser(), CONFIG
    default = folder / DEFAULT_FILE
    return (default, DEFAULT_FILE) if default.is_file() else None


def _from_file(path: Path, named: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{named}: {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from error
    for name in found:
        if name not in _FIELDS:
            raise _unknown(name, str(path), list(NAMES))
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    known = {PREFIX + name.upper(): name for name in NAMES}
    found = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable == CONFIG or variable.startswith(_TESTS):
            continue
        if variable not in known:
            raise _unknown(variable, "environment", [*known, CONFIG])
        if value != "":  # an empty variable counts as not set, as in most programs
            found[known[variable]] = value
    return found


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
    folder: Path | None = None,
) -> Settings:
    """Gather the settings.

    Args:
        flags: name -> value from the command line; None means not given.
        environ: the environment; by default that of the process.
        config: the TOML file of `--config`.
        folder: where `debitor.toml` is looked for; by default the working folder.
    Raises:
        SettingsError: a wrong value, an unknown name, or an unreadable file.
    """
    environ = os.environ if environ is None else environ
    file = _config_file(config, environ, folder or Path())
    layers: list[tuple[Callable[[str], str], Mapping[str, Any]]] = []
    if file:
        path = file[0]
        layers.append((lambda _name: f"file {path}", _from_file(*file)))
    layers.append((lambda name: f"environment {PREFIX}{name.upper()}", _from_environment(environ)))
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers.append((lambda name: f"flag --{name.replace('_', '-')}", given))

    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for where, layer in layers:
        for name, raw in layer.items():
            metadata = _FIELDS[name].metadata
            try:
                values[name] = metadata["read"](raw)
            except ValueError as error:
                shown = "the value" if metadata["secret"] else repr(raw)
                raise SettingsError(f"{where(name)}: {shown} is not allowed; {name} is {error}.") from None
            sources[name] = where(name)
    made = Settings(**values, sources=sources)
    _check(made)
    return made


def _check(made: Settings) -> None:
    """Refuse values that do not go together."""
    if made.workers > 1 and not made.on_server:
        raise SettingsError(
            f"{made.sources['workers']}: {made.workers} workers cannot share a SQLite store, which one process owns; "
            "leave workers at 1, or set database_url to a PostgreSQL database."
        )
    if made.replica_url and not made.on_server:
        raise SettingsError(
            f"{made.sources['replica_url']}: SQLite has no replicas; set database_url to a PostgreSQL database too."
        )
    if (made.tls_cert is None) != (made.tls_key is None):
        given, missing = ("tls_cert", "tls_key") if made.tls_cert else ("tls_key", "tls_cert")
        raise SettingsError(f"{made.sources[given]}: https needs both files; set {missing} too.")
    for name in ("tls_cert", "tls_key"):
        path = getattr(made, name)
        if path is not None and not path.is_file():
            raise SettingsError(f"{made.sources[name]}: there is no file {path}.")
    if bool(made.smtp_url) != bool(made.mail_from):
        given, missing = ("smtp_url", "mail_from") if made.smtp_url else ("mail_from", "smtp_url")
        raise SettingsError(f"{made.sources[given]}: set {missing} too; a mail needs a server and a sender.")
    if bool(made.client_id) != bool(made.client_secret):
        given, missing = ("client_id", "client_secret") if made.client_id else ("client_secret", "client_id")
        raise SettingsError(f"{made.sources[given]}: set {missing} too; an application is known by both.")
