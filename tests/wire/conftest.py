"""Servers for the wire tests: `debitor serve` in processes of their own, on free ports, with the demo company."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from backends import BACKENDS, DEFAULT, store_of

CLIENT_ID, CLIENT_SECRET = "wire-tests", "secret-of-the-wire-tests"
READY_WITHIN = 60.0


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without settings of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBITOR_")}
    return {**kept, **{f"DEBITOR_{name.upper()}": value for name, value in settings.items()}}


class Server:
    """A running `debitor serve`. `lines` are what it printed, the ready line last.

    `store` names the kind of store; its books belong to the folder in any case.
    """

    def __init__(self, folder: Path, *flags: str, store: str = "", **settings: str) -> None:
        self.folder = folder
        self.url = store_of(folder, store)
        self.books = ["--database-url", self.url]
        """Flags that name its books, for commands."""
        if (store or DEFAULT) != "sqlite":
            settings.setdefault("database_url", self.url)
        self.log = (folder.parent / f"{folder.name}.log").open("w+")
        wanted = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "debitor.cli", "serve", "--port", "0", "--data", str(folder), *flags],
            env=clean_environment(**wanted),
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=folder.parent,
        )
        self.printed: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.lines: list[str] = []
        while not (self.lines and " ready at " in self.lines[-1]):
            try:
                self.lines.append(self.printed.get(timeout=READY_WITHIN))
            except queue.Empty:
                self.lines.append("")
            if self.lines[-1] == "":
                self.stop(signal.SIGKILL)
                raise AssertionError(f"the server did not get ready: {self.lines} {self.logged()}")
        self.root = self.lines[-1].split(" ready at ")[1].split()[0]
        self.origin = self.root.removesuffix("/api/v2.0")

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.printed.put(line.rstrip("\n") or " ")
        self.printed.put("")

    def logged(self) -> str:
        """What it wrote to standard error."""
        return Path(self.log.name).read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self.reader.join(10)
        assert self.process.stdout
        self.process.stdout.close()
        self.log.close()
        return code

    def token(self, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET) -> str:
        """A fresh access token."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = requests.post(f"{self.origin}/default/oauth2/v2.0/token", data=form, timeout=30)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@dataclass
class Books:
    """A company of a server, as a client sees it.

    Paths are relative to the company; an absolute address, such as a next link, is taken as it is. Answers are those
    of requests: nothing raises for a status.
    """

    server: Server
    company: dict[str, Any]
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def root(self) -> str:
        """The API root."""
        return self.server.root

    @property
    def company_id(self) -> str:
        """The guid of the company."""
        return str(self.company["id"])

    @property
    def url(self) -> str:
        """The address of the company."""
        return f"{self.root}/companies({self.company_id})"

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request; `more` is for requests."""
        url = path if path.startswith("http") else f"{self.url}/{path}"
        return self.session.request(method, url, timeout=60, **more)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Read."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Create, or run an action when there is no body."""
        return self.request("POST", path, json=body, headers=headers)

    def patch(
        self, path: str, body: Any, etag: str | None = "*", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Change. `etag` is sent as If-Match unless it is None."""
        sent = {**({} if etag is None else {"If-Match": etag}), **(headers or {})}
        return self.request("PATCH", path, json=body, headers=sent)

    def delete(self, path: str, etag: str | None = None) -> requests.Response:
        """Remove."""
        return self.request("DELETE", path, headers=None if etag is None else {"If-Match": etag})

    def new_journal(self, *, balanced: bool = False, **properties: Any) -> str:
        """The id of a fresh payment journal; `balanced`: with a balancing account, so that it can be posted."""
        body: dict[str, Any] = {"code": "W" + uuid.uuid4().hex[:9].upper(), "displayName": "wire test", **properties}
        if balanced:
            where = "directPosting eq true and category eq 'Assets' and accountType eq 'Posting'"
            body["balancingAccountId"] = self.get(f"accounts?$filter={where}").json()["value"][0]["id"]
        answer = self.post("customerPaymentJournals", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def books_of(server: Server) -> Books:
    """The first company of a server, with a bearer token that lasts as long as the tests."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token()}"
    companies = session.get(f"{server.root}/companies", timeout=60)
    assert companies.status_code == 200, companies.text
    return Books(server, companies.json()["value"][0], session)


ON_BOTH = frozenset(
    {
        "test_apply_customer_entries",
        "test_bad_input",
        "test_change_tracking",
        "test_concurrency",
        "test_customer_payments",
        "test_entry_life",
        "test_idempotency",
        "test_posting",
        "test_reports",
        "test_streams",
        "test_subscriptions",
    }
)
"""Modules whose tests depend on what the store does; they run on every kind of store."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a server once for each kind of store."""
    if "backend" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        metafunc.parametrize("backend", sorted(BACKENDS, reverse=True), indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of store that servers have."""
    return str(getattr(request, "param", DEFAULT))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Server]:
    """A server in documented mode."""
    made = Server(tmp_path_factory.mktemp("wire") / "documented", "--demo", store=backend)
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Server]:
    """A server that answers as Business Central itself."""
    made = Server(tmp_path_factory.mktemp("wire") / "strict", "--demo", "--compat", "strict", store=backend)
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def books(server: Server) -> Iterator[Books]:
    """The demo company in documented mode."""
    made = books_of(server)
    yield made
    made.session.close()


@pytest.fixture(scope="session")
def strict_books(strict_server: Server) -> Iterator[Books]:
    """The demo company in strict mode."""
    made = books_of(strict_server)
    yield made
    made.session.close()


@pytest.fixture
def fresh_books(tmp_path: Path, backend: str) -> Iterator[Books]:
    """A server of the test's own, in documented mode, as a new user finds it."""
    own = Server(tmp_path / "fresh", "--demo", store=backend)
    made = books_of(own)
    yield made
    made.session.close()
    assert own.stop() == 0
