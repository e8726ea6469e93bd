"""The floor of posting: the least program that turns journal lines into ledger entries and keeps them.

One transaction on SQLite (WAL, synchronous=FULL) reads the lines of a journal with the invoice entries they pay, adds
for each a customer ledger entry, three detailed entries and two G/L entries, closes the invoice's entry, removes the
lines, and commits. No rule is checked but that the invoice is open and large enough; no dimensions, no bank ledger,
no registers, no audit trail.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import apsw

_TABLES: Final = """
CREATE TABLE line (
  journal INTEGER, line INTEGER, customer INTEGER, date TEXT, document TEXT, amount INTEGER, pays INTEGER,
  PRIMARY KEY (journal, line)
) WITHOUT ROWID;
CREATE TABLE customer_entry (
  number INTEGER PRIMARY KEY, customer INTEGER, date TEXT, kind INTEGER, document TEXT, amount INTEGER,
  remaining INTEGER, open INTEGER, closed_by INTEGER
);
CREATE INDEX customer_entry_open ON customer_entry (customer, open, date);
CREATE INDEX customer_entry_document ON customer_entry (document);
CREATE TABLE detailed_entry (
  number INTEGER PRIMARY KEY, entry INTEGER, kind INTEGER, date TEXT, amount INTEGER, customer INTEGER,
  applied INTEGER
);
CREATE INDEX detailed_entry_entry ON detailed_entry (entry);
CREATE TABLE gl_entry (
  number INTEGER PRIMARY KEY, account INTEGER, date TEXT, document TEXT, amount INTEGER, balancing INTEGER
);
CREATE INDEX gl_entry_account ON gl_entry (account, date);
"""
_RECEIVABLES, _BANK = 2310, 2910
_INVOICE, _PAYMENT = 2, 1
_INITIAL, _APPLICATION = 1, 2


def fill(path: Path, number: int, customers: int) -> None:
    """Make a store with so many open invoices, and one journal that pays them all."""
    connection = _connect(path)
    connection.execute(_TABLES)
    with connection:
        connection.executemany(
            "INSERT INTO customer_entry VALUES (?, ?, '2026-01-01', ?, ?, ?, ?, 1, NULL)",
            ((n, n % customers, _INVOICE, f"I{n}", 10_000 + n, 10_000 + n) for n in range(1, number + 1)),
        )
        connection.executemany(
            "INSERT INTO line VALUES (1, ?, ?, '2026-01-20', ?, ?, ?)",
            ((n * 10_000, n % customers, f"P{n}", -10_000 - n, n) for n in range(1, number + 1)),
        )
    connection.close()


def took(path: Path) -> float:
    """Seconds to post the journal, with the commit."""
    connection = _connect(path)
    try:
        start = time.perf_counter()
        with connection:
            _post(connection)
        return time.perf_counter() - start
    finally:
        connection.close()


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
    return connection


def _post(connection: apsw.Connection) -> None:
    lines: list[tuple[Any, ...]] = connection.execute(
        "SELECT l.customer, l.date, l.document, l.amount, l.pays, e.remaining, e.open"
        " FROM line l JOIN customer_entry e ON e.number = l.pays WHERE l.journal = 1"
    ).fetchall()
    newest: list[tuple[Any, ...]] = connection.execute("SELECT max(number) FROM customer_entry").fetchall()
    entry = newest[0][0]
    entries: list[tuple[Any, ...]] = []
    detailed: list[tuple[Any, ...]] = []
    ledger: list[tuple[Any, ...]] = []
    closed: list[tuple[Any, ...]] = []
    for customer, date, document, amount, pays, remaining, still_open in lines:
        if not still_open or remaining < -amount:
            raise ValueError(f"{document} pays more than is open")
        entry += 1
        entries.append((entry, customer, date, _PAYMENT, document, amount, 0, 0, pays))
        detailed += [
            (None, entry, _INITIAL, date, amount, customer, None),
            (None, entry, _APPLICATION, date, -amount, customer, pays),
            (None, pays, _APPLICATION, date, amount, customer, entry),
        ]
        ledger += [
            (None, _RECEIVABLES, date, document, amount, _BANK),
            (None, _BANK, date, document, -amount, _RECEIVABLES),
        ]
        left = remaining + amount
        closed.append((left, left != 0, entry, pays))
    connection.executemany("INSERT INTO customer_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", entries)
    connection.executemany("INSERT INTO detailed_entry VALUES (?, ?, ?, ?, ?, ?, ?)", detailed)
    connection.executemany("INSERT INTO gl_entry VALUES (?, ?, ?, ?, ?, ?)", ledger)
    connection.executemany(
        "UPDATE customer_entry SET remaining = ?, open = ?, closed_by = ? WHERE number = ?", closed
    )
    connection.execute("DELETE FROM line WHERE journal = 1")
