"""What a disk can do to a running server: it fills up, others hold it. The server says so, and goes on by itself."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import requests

from wire.conftest import Books, Server, books_of


def payment(books: Books, journal: str, number: str) -> requests.Response:
    return books.post(
        f"customerPaymentJournals({journal})/customerPayments",
        {"customerNumber": "10400", "amount": -1, "documentNumber": number, "comment": "x" * 250},
    )


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "books", "--demo", store="sqlite")


def test_a_full_disk_is_told_and_left_behind(server: Server) -> None:
    """The largest size of a file stands for the size of the disk. Nothing acknowledged is lost, reads go on, /readyz
    tells it, and as soon as there is room the server takes writes again, without hands.
    """
    books = books_of(server)
    journal = books.new_journal(balanced=True)
    acknowledged: list[str] = []
    largest = max(file.stat().st_size for file in server.folder.iterdir())
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (largest + 40_000, resource.RLIM_INFINITY))
    refused = None
    for at in range(3000):
        answer = payment(books, journal, f"P{at}")
        if answer.status_code != 201:
            refused = answer
            break
        acknowledged.append(f"P{at}")
    assert refused is not None
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "Nothing was written" in refused.json()["error"]["message"]
    assert requests.get(f"{server.origin}/readyz", timeout=30).status_code == 503
    assert requests.get(f"{server.origin}/healthz", timeout=30).status_code == 200
    assert books.get("customers?$top=1").status_code == 200
    failures = "debitor_store_failures_total"
    told = requests.get(f"{server.origin}/metrics", timeout=30).text
    assert [line for line in told.splitlines() if line.startswith(failures) and not line.endswith(" 0.0")]

    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert payment(books, journal, "AFTER").status_code == 201
    assert requests.get(f"{server.origin}/readyz", timeout=30).status_code == 200
    lines = books.get(f"customerPaymentJournals({journal})/customerPayments?$select=documentNumber").json()["value"]
    assert {row["documentNumber"] for row in lines} == {*acknowledged, "AFTER"}
    assert server.stop() == 0
    assert "disk" in Path(server.log.name).read_text()


def test_a_store_that_becomes_read_only_refuses_writes_and_serves_reads(server: Server) -> None:
    """Another program holds the file for writing, as a snapshot tool or a remount would."""
    import apsw

    books = books_of(server)
    journal = books.new_journal(balanced=True)
    holder = apsw.Connection(str(server.folder / "debitor.db"))
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert books.get("customers?$top=1").status_code == 200
        with pytest.raises(requests.Timeout):
            books.session.post(
                f"{books.url}/customerPaymentJournals({journal})/customerPayments",
                json={"customerNumber": "10400", "amount": -1, "documentNumber": "WAITS"},
                timeout=1,
            )
        assert books.get("customers?$top=1").status_code == 200
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert payment(books, journal, "AFTER").status_code == 201
    assert server.stop() == 0
