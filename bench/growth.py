"""What books of any size cost: the same work over 10^4, 10^5 and 10^6 ledger entries, on one connection, over HTTP.

    .venv/bin/python -m bench.growth [--entries 10000,100000,1000000] [--rounds 200]

The store is filled with rows, not by posting: half invoices and half payments of one customer for each hundred
entries, one entry in ten open, and as many G/L entries; the indexes of both ledgers are built afterwards, so that
--entries 10000000 takes minutes and not hours. Then a server starts on it, and one client asks; medians in
milliseconds. Ageing is of one customer (flat) and of all (linear in the open entries). Flat means: within 1.3 of the
smallest books.
"""

from __future__ import annotations

import argparse
import csv
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import apsw

from bench.reports import TODAY, customer_entries, general_entries, insert
from bench.run import CLIENT, SECRET, Client, free_port, resident_mb, served
from debitor import identity
from debitor.ledger.records import Account, BankAccount, Customer, CustomerLedgerEntry, GeneralLedgerEntry
from debitor.ledger.records import GLAccountType as Kind
from debitor.operations.companies import create_company
from debitor.schema import record_of
from debitor.store.opening import open_store

COLUMNS = (
    "entries",
    "start s",
    "POST",
    "GET",
    "list of a customer",
    "by its number",
    "post 100 lines",
    "ageing of one",
    "ageing of all",
)
PER_CUSTOMER = 100


def fill(path: Path, entries: int) -> None:
    """Make books with so many customer ledger entries, and as many G/L entries."""
    chance = random.Random(7)
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=3600)
        identity.register_client(root, name="bench", client_id=CLIENT, secret=SECRET)
        create_company(root, name="Bench", today=TODAY)
        tx = root.at(1)
        number = max(10, entries // PER_CUSTOMER)
        cash = next(a for a in tx.all(Account, direct_posting=True) if a.category == "Assets")
        tx.insert(BankAccount(number="B1", name="Bank", ledger_account=cash.number))
        tx.insert_many(
            Customer(number=f"C{n:06}", display_name=f"Customer {n}", customer_posting_group="DOMESTIC")
            for n in range(number)
        )
    store.close()
    change(path, unindex)
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        tx = root.at(1)
        insert(tx, customer_entries([row.id for row in tx.all(Customer)], entries, 10, chance))
        posting = [a for a in tx.all(Account) if a.account_type == Kind.POSTING]
        insert(tx, general_entries(posting, entries, chance))
    store.close()
    # A store whose declarations differ from what it was made with is completed when it is opened.
    change(path, lambda connection: connection.execute("UPDATE debitor_store SET fingerprint = ''"))
    open_store(f"sqlite://{path}").close()


def change(path: Path, by: Callable[[apsw.Connection], object]) -> None:
    """Work on the file of a closed store."""
    connection = apsw.Connection(str(path))
    connection.pragma("cache_size", -4_000_000)
    by(connection)
    connection.close()


def unindex(connection: apsw.Connection) -> None:
    """Drop the indexes of both ledgers, except the unique ones, which triggers look into."""
    ledgers = [record_of(kind).name for kind in (CustomerLedgerEntry, GeneralLedgerEntry)]
    for name, table in connection.execute(
        "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'"
    ).fetchall():
        if table in ledgers:
            connection.execute(f'DROP INDEX "{name}"')


def median_ms(rounds: int, run: Callable[[int], Any]) -> float:
    """The median of several runs, in milliseconds."""
    times = []
    for n in range(rounds):
        start = time.perf_counter()
        run(n)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def measured(path: Path, entries: int, rounds: int) -> tuple[float, ...]:
    """Serve a store, and measure."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "debitor.cli",
        "serve",
        "--port",
        str(port),
        "--database-url",
        f"sqlite://{path}",
    ]
    begun = time.perf_counter()
    with served(command, port, "/readyz") as process:
        started = time.perf_counter() - begun
        client = Client(port)
        own = client.company.replace("/api/v2.0", "/api/debitor/receivables/v1.0")
        customers = client("GET", f"{client.company}/customers?$top=100&$select=id,number")["value"]
        account = client("GET", f"{client.company}/bankAccounts?$top=1&$select=number")["value"][0]["number"]

        def journal(code: str) -> str:
            body = {"code": code, "balancingAccountType": "Bank Account", "balancingAccountNumber": account}
            return str(client("POST", f"{own}/customerPaymentJournals", body)["id"])

        def pay(at: str, n: int) -> Any:
            body = {
                "customerNumber": customers[n % len(customers)]["number"],
                "amount": -1,
                "postingDate": str(TODAY),
            }
            return client("POST", f"{client.company}/customerPaymentJournals({at})/customerPayments", body)

        waiting = journal("WAITING")
        post = median_ms(rounds, lambda n: pay(waiting, n))
        made = pay(waiting, 0)["id"]
        get = median_ms(rounds, lambda n: client("GET", f"{client.company}/customerPayments({made})"))
        asked = f"{own}/customerLedgerEntries?$top=20&$orderby=entryNumber%20desc&$filter="

        def newest(by: str, quote: str) -> float:
            told = [
                f"{asked}{by}%20eq%20{quote}{each[by.removeprefix('customer').lower()]}{quote}" for each in customers
            ]
            for one in told:  # once for each, so that the pages are in memory, as they are in small books
                client("GET", one)
            return median_ms(rounds, lambda n: client("GET", told[n % len(told)]))

        listed, by_number = newest("customerId", ""), newest("customerNumber", "'")
        times = []
        for n in range(5):
            at = journal(f"POST{n}")
            for line in range(100):
                pay(at, line)
            start = time.perf_counter()
            client("POST", f"{client.company}/customerPaymentJournals({at})/Microsoft.NAV.post")
            times.append((time.perf_counter() - start) * 1000)
        aged = f"{client.company}/agedAccountsReceivables"
        one = median_ms(
            rounds, lambda n: client("GET", f"{aged}?$filter=customerId%20eq%20{customers[n % len(customers)]['id']}")
        )
        every = median_ms(3, lambda n: client("GET", aged))
        print(f"  {resident_mb(process.pid):.0f} MB", file=sys.stderr)
    return (entries, started, post, get, listed, by_number, statistics.median(times), one, every)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", default="10000,100000,1000000", help="sizes, separated by commas")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--out", type=Path, help="a CSV file for the points")
    given = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    rows = []
    for entries in map(int, given.entries.split(",")):
        with tempfile.TemporaryDirectory(prefix="debitor-bench-") as folder:
            path = Path(folder) / "books.db"
            filling = get_context("spawn").Process(target=fill, args=(path, entries))
            filling.start()
            filling.join()
            assert filling.exitcode == 0, "the books could not be filled"
            rows.append(measured(path, entries, given.rounds))
            print(f"| {entries:,} | " + " | ".join(f"{value:.2f}" for value in rows[-1][1:]) + " |", flush=True)
    if given.out:
        with given.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows)


if __name__ == "__main__":
    main()
