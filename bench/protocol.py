"""What the protocol costs on top of SQL and JSON, in process, and the memory of a long list over HTTP.

    python -m bench.protocol [--rounds 7] [--rows 20000]

A filtered, ordered list of 20 customer payments is answered by the protocol (address, options, company, tags,
context) and by the bare work: the same SQL statement with the same values over the same connection, its rows made
into objects and encoded by msgspec. Both run in turns; the medians of the rounds and their ratio are printed. Then a
server is asked for all payments of the journal in one answer, while its memory is read.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bench.run import free_port, resident_mb
from debitor import identity
from debitor.host import BooksHost
from debitor.ledger.records import AccountType, Customer, DocumentType, JournalBatch, JournalLine, SalesInvoice
from debitor.odata.messages import Request
from debitor.odata.service import Service
from debitor.operations.companies import create_company
from debitor.operations.payments import setup_of
from debitor.store import Root, Store
from debitor.store.opening import open_store

CLIENT, SECRET = "bench", "bench-secret-of-this-run-only"
QUERY = "$filter=customerNumber%20eq%20'10400'%20and%20amount%20lt%20-50&$orderby=postingDate%20desc&$top=20"


def filled(store: Store, rows: int) -> tuple[str, str]:
    """Make the demo company with so many payments in one journal. Returns the ids of company and journal."""
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=3600)
        identity.register_client(root, name="bench", client_id=CLIENT, secret=SECRET)
        company = create_company(root, name="Bench", currency="EUR", demo=True, today=date(2026, 1, 31))
        tx = root.at(company.key)
        setup = setup_of(tx)
        customers = tx.all(Customer)
        invoices = {i.bill_to_customer_id: i for i in tx.all(SalesInvoice, posted=True)}
        batch = tx.insert(JournalBatch(template_name=setup.payment_template, name="BENCH", description="bench"))
        tx.insert_many(
            JournalLine(
                journal_id=batch.id,
                line_number=10_000 * (n + 1),
                account_type=AccountType.CUSTOMER,
                account_id=(buyer := customers[n % len(customers)]).id,
                account_number=buyer.number,
                document_type=DocumentType.PAYMENT,
                posting_date=date(2026, 1, n % 28 + 1),
                document_number=f"B{n}",
                description="Payment received",
                amount=Decimal(-(n % 200) - 1),
                amount_lcy=Decimal(-(n % 200) - 1),
                applies_to_document_type=DocumentType.INVOICE,
                applies_to_document_number=invoices[buyer.id].number if buyer.id in invoices else "100000",
            )
            for n in range(rows)
        )
    return company.id, batch.id


def per_call(run: Callable[[], Any], calls: int = 300) -> float:
    """Return microseconds of one call, in process time."""
    start = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - start) / calls * 1e6


def statement_of(root: Root, run: Callable[[], Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the last SQL statement, with its values, that a call executes."""
    cursor = root._cursor  # type: ignore[attr-defined]
    seen: list[tuple[str, tuple[Any, ...]]] = []

    def trace(_: Any, sql: str, values: Any) -> bool:
        seen.append((sql, tuple(values or ())))
        return True

    cursor.exec_trace = trace
    try:
        run()
    finally:
        cursor.exec_trace = None
    return seen[-1]


def filtered_list(store: Store, company: str, journal: str, rounds: int) -> None:
    """Print what the list of 20 costs, both ways."""
    service, root = Service(BooksHost()), store.reader()
    request = Request(
        "GET",
        "http://127.0.0.1/api/v2.0",
        f"companies({company})/customerPaymentJournals({journal})/customerPayments",
        QUERY,
    )

    def protocol() -> bytes:
        return service.handle(request, root).body

    answer = json.loads(protocol())
    names = [name for name in answer["value"][0] if not name.startswith("@")]
    assert len(answer["value"]) == 20, answer
    sql, values = statement_of(root, protocol)
    cursor = root._cursor  # type: ignore[attr-defined]
    encode = msgspec.json.Encoder(decimal_format="number").encode

    def bare() -> bytes:
        rows = cursor.execute(sql, values).fetchall()
        return encode({"value": [dict(zip(names, row[1:], strict=False)) for row in rows]})

    assert len(json.loads(bare())["value"]) == 20
    for run in (protocol, bare):
        per_call(run)
    pairs = [(per_call(protocol), per_call(bare)) for _ in range(rounds)]
    ours, least = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"filtered list of 20: protocol {ours:.0f} us, bare SQL and JSON {least:.0f} us, ratio {ratio:.2f} (aim 2.5)"
    )


def long_list(folder: Path, company: str, journal: str, rows: int) -> None:
    """Print the memory of a server before, during and after a list of all payments in one answer."""
    port = free_port()
    command = [sys.executable, "-m", "debitor.cli", "serve", "--port", str(port), "--data", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if " ready at " in line:
                break
        secret = b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        url = f"http://127.0.0.1:{port}/api/v2.0/companies({company})/customerPaymentJournals({journal})/customerPayments"

        def read(query: str) -> tuple[int, float, float, float]:
            request = urllib.request.Request(f"{url}?{query}", headers={"Authorization": f"Basic {secret}"})
            start, size, most = time.perf_counter(), 0, 0.0
            with urllib.request.urlopen(request, timeout=120) as answer:
                first = 0.0
                while piece := answer.read(1 << 18):
                    first = first or time.perf_counter() - start
                    size += len(piece)
                    most = max(most, resident_mb(process.pid))
            return size, first, time.perf_counter() - start, most

        read("$top=20")
        for count in (rows // 4, rows, rows, rows):
            before = resident_mb(process.pid)
            size, first, whole, during = read(f"$top={count}")
            after = resident_mb(process.pid)
            print(
                f"list of {count}: {size / 2**20:.1f} MB, first piece after {first * 1000:.0f} ms, all after "
                f"{whole:.2f} s; memory {before:.0f} MB before, {during:.0f} MB during, {after:.0f} MB after"
            )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    os.environ.pop("DEBITOR_CONFIG", None)
    with tempfile.TemporaryDirectory(prefix=f"bench-{uuid.uuid4().hex[:6]}-") as folder:
        store = open_store(f"sqlite://{folder}/debitor.db")
        company, journal = filled(store, given.rows)
        filtered_list(store, company, journal, given.rounds)
        store.close()
        long_list(Path(folder), company, journal, given.rows)


if __name__ == "__main__":
    main()
