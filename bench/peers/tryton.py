"""Tryton posting what bench.posting posts: payments that settle open invoices, in process, on SQLite.

Tryton is installed on demand, in an environment of its own (bench/peers/README.md):

    /tmp/tryton/bin/python bench/peers/tryton.py [--lines 10,100,1000] [--customers 100] [--rounds 3]

An invoice is a posted move of two lines (receivable, revenue). Measured is what pays them, in one transaction: create
a move of two lines for each payment (cash, receivable), post the moves, reconcile each payment with its invoice,
commit. That is what debitor's posting of one journal does, which keeps more besides: a customer ledger with detailed
entries, a bank ledger, a register, the journal lines taken away.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from trytond import config

NAME = "bench"
TODAY = datetime.datetime.now(datetime.UTC).date()


def amount(at: int) -> Decimal:
    """What invoice `at` is over, as in bench.posting."""
    return Decimal(10_000 + at % 9_000) / 100


def set_up(folder: Path) -> None:
    """Make the database with the accounting module, by Tryton's own tool."""
    settings, secret = folder / "trytond.conf", folder / "password"
    settings.write_text(f"[database]\nuri = sqlite://\npath = {folder}\n")
    secret.write_text("bench-of-this-run-only")
    (folder / f"{NAME}.sqlite").touch()
    admin = Path(sys.executable).with_name("trytond-admin")
    tool = [str(admin), "-c", str(settings), "-d", NAME, "-u", "account", "--activate-dependencies"]
    tool += ["--email", "bench@bench.example"]
    subprocess.run(tool, check=True, env={**os.environ, "TRYTONPASSFILE": str(secret)}, stdout=subprocess.DEVNULL)
    config.update_etc(str(settings))


class Books:
    """A company with a chart, a fiscal year and customers; used within one Tryton transaction."""

    def __init__(self, customers: int) -> None:
        from trytond.modules.account.tests import create_chart, get_fiscalyear
        from trytond.modules.company.tests import create_company
        from trytond.pool import Pool
        from trytond.transaction import Transaction

        pool = Pool()
        self.moves, self.lines = pool.get("account.move"), pool.get("account.move.line")
        company = create_company()
        user = pool.get("res.user")
        user.write([user(Transaction().user)], {"companies": [("add", [company.id])], "company": company.id})
        self.company = company.id
        with Transaction().set_context(company=company.id, companies=[company.id]):
            create_chart(company)
            year = get_fiscalyear(company)
            year.save()
            pool.get("account.fiscalyear").create_period([year])
            (period,) = pool.get("account.period").search(
                [("start_date", "<=", TODAY), ("end_date", ">=", TODAY), ("company", "=", company.id)]
            )
            self.period = period.id
            (self.revenue_journal,) = [j.id for j in pool.get("account.journal").search([("code", "=", "REV")])]
            (self.cash_journal,) = [j.id for j in pool.get("account.journal").search([("code", "=", "CASH")])]
            accounts = pool.get("account.account")

            def account(*condition: Any) -> int:
                own = [("company", "=", company.id), ("closed", "=", False), ("type", "!=", None)]
                return int(accounts.search([condition, *own], limit=1)[0].id)

            self.receivable = account("type.receivable", "=", True)
            self.revenue = account("type.revenue", "=", True)
            self.cash = account("name", "ilike", "%cash%")
            self.parties = [
                p.id for p in pool.get("party.party").create([{"name": f"C{n}"} for n in range(customers)])
            ]

    def move(self, at: int, journal: int, debit: int, credit: int) -> dict[str, Any]:
        """The values of a move of two lines; the side on receivables names the customer."""
        party = self.parties[at % len(self.parties)]

        def side(account: int, **amounts: Decimal) -> dict[str, Any]:
            return {"account": account, "party": party if account == self.receivable else None, **amounts}

        lines = [side(debit, debit=amount(at)), side(credit, credit=amount(at))]
        return {"period": self.period, "journal": journal, "date": TODAY, "lines": [("create", lines)]}

    def invoices(self, number: int) -> list[int]:
        """Post moves that make the customers owe something. Returns their lines on receivables."""
        values = [self.move(at, self.revenue_journal, self.receivable, self.revenue) for at in range(number)]
        moves = self.moves.create(values)
        self.moves.post(moves)
        return self.owed(moves)

    def owed(self, moves: list[Any]) -> list[int]:
        """The lines of moves on receivables, in order."""
        return [line.id for move in moves for line in move.lines if line.account.id == self.receivable]

    def pay(self, invoices: list[int]) -> None:
        """Create, post and reconcile a payment of each invoice."""
        number = len(invoices)
        values = [self.move(at, self.cash_journal, self.cash, self.receivable) for at in range(number)]
        moves = self.moves.create(values)
        self.moves.post(moves)
        paid = zip(self.lines.browse(invoices), self.lines.browse(self.owed(moves)), strict=True)
        self.lines.reconcile(*([invoice, payment] for invoice, payment in paid))


class Transactions:
    """Runs work in transactions; remembers the tables that Tryton says it has to lock from the start."""

    def __init__(self) -> None:
        self.extras: dict[str, Any] = {}
        self.context: dict[str, Any] = {}

    def run(self, work: Callable[[], Any]) -> Any:
        """Run, commit, and return what the work gives; again when a lock was missing, as Tryton's server does."""
        from trytond.transaction import Transaction, TransactionError

        while True:
            with Transaction().start(NAME, 1, context=self.context, **self.extras) as transaction:
                try:
                    value = work()
                    transaction.commit()
                    return value
                except TransactionError as error:
                    transaction.rollback()
                    error.fix(self.extras)


def took(number: int, customers: int) -> float:
    """Seconds to create, post and reconcile so many payments, with the commit."""
    from trytond.pool import Pool

    Pool.start()
    Pool(NAME).init()
    transactions = Transactions()
    books = transactions.run(lambda: Books(customers))
    transactions.context = {"company": books.company, "companies": [books.company]}
    first = transactions.run(lambda: books.invoices(1))
    transactions.run(lambda: books.pay(first))
    invoices = transactions.run(lambda: books.invoices(number))
    gc.collect()
    start = time.perf_counter()
    transactions.run(lambda: books.pay(invoices))
    return time.perf_counter() - start


def main() -> None:
    """Measure and print; each measurement in a process of its own, because Tryton caches per process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="10,100,1000", help="numbers of payments, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        config.update_etc(str(given.folder / "trytond.conf"))
        print(took(int(given.lines), given.customers))
        return
    with tempfile.TemporaryDirectory(prefix="tryton-bench-") as made:
        empty = Path(made) / "empty"
        empty.mkdir()
        set_up(empty)
        for number in map(int, given.lines.split(",")):
            times = []
            for _ in range(given.rounds):
                copy = Path(made) / "copy"
                shutil.copytree(empty, copy)
                (copy / "trytond.conf").write_text(f"[database]\nuri = sqlite://\npath = {copy}\n")
                command = [sys.executable, __file__, "--folder", str(copy), "--lines", str(number)]
                command += ["--customers", str(min(number, given.customers))]
                times.append(float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
                shutil.rmtree(copy)
            each = median(times) / number * 1e6
            print(f"{number:7} payments  {median(times):8.3f} s  {each:6.0f} us per payment", flush=True)


if __name__ == "__main__":
    main()
