"""Several processes of one server over one PostgreSQL database."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from backends import BACKENDS
from wire.conftest import Server, books_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    url = BACKENDS["postgresql"](tmp_path)
    made = Server(tmp_path / "books", "--demo", "--workers", "2", "--database-url", url)
    yield made
    assert made.stop() == 0


def children(server: Server) -> list[int]:
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_share_books_socket_and_counters(server: Server) -> None:
    """Payments created over many connections are all there, and each request is counted once."""
    assert len(children(server)) == 2
    books = books_of(server)
    journal = books.new_journal(balanced=True)
    url = f"{books.url}/customerPaymentJournals({journal})/customerPayments"

    def pay(number: int) -> int:
        body = {"customerNumber": "10400", "amount": -1, "documentNumber": f"W{number}"}
        # A connection of its own, so that both workers get some.
        return requests.post(url, json=body, headers=dict(books.session.headers), timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pay, range(40))) == [201] * 40
    lines = books.get(f"customerPaymentJournals({journal})/customerPayments?$select=documentNumber,lineNumber")
    rows = lines.json()["value"]
    assert {row["documentNumber"] for row in rows} == {f"W{n}" for n in range(40)}
    assert len({row["lineNumber"] for row in rows}) == 40
    told = requests.get(f"{server.origin}/metrics", timeout=30).text
    sample = 'debitor_http_request_seconds_count{method="POST",route="customerPayments",status="201"} '
    assert [line for line in told.splitlines() if line.startswith(sample)] == [f"{sample}40.0"]


def test_a_worker_that_ends_is_started_anew(server: Server) -> None:
    """The other one goes on meanwhile; a client sees at most a connection that breaks."""
    first = children(server)
    os.kill(first[0], signal.SIGKILL)
    end = time.monotonic() + 20
    while time.monotonic() < end and (len(children(server)) < 2 or first[0] in children(server)):
        time.sleep(0.05)
    now = children(server)

    assert len(now) == 2
    assert first[0] not in now
    statuses = []
    for _ in range(20):
        statuses.append(requests.get(f"{server.origin}/healthz", timeout=30).status_code)
    assert set(statuses) == {200}
    assert "is started anew" in server.logged()
