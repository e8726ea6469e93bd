"""Tracing a document, and what was open on a day, as users ask for it."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from wire.conftest import CLIENT_ID, Books, clean_environment
from wire.receivables import Ledger, ledger_of


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


def run(books: Books, *flags: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "debitor.cli", *flags, *books.server.books],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def trace(books: Books, number: str) -> list[dict[str, Any]]:
    code, told = run(books, "trace", number, "--json")
    assert code == 0, told
    made: list[dict[str, Any]] = json.loads(told)
    return made


def test_from_the_payment_to_the_invoice_and_back(books: Books, ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice, payment = ledger.invoice(customer, 250), ledger.payment(customer, -100)
    ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})

    (paid,) = trace(books, payment["documentNumber"])
    (owed,) = trace(books, invoice["documentNumber"])

    (there,), (back,) = paid["appliedTo"], owed["appliedTo"]
    assert (there["documentNumber"], there["appliedAmount"]) == (invoice["documentNumber"], "100")
    assert (back["documentNumber"], back["appliedAmount"]) == (payment["documentNumber"], "-100")
    assert there["document"]["entitySet"] == "salesInvoices"
    assert paid["document"] is None
    general = paid["transaction"]["generalLedgerEntries"]
    assert sum(Decimal(e["debitAmount"]) for e in general) == sum(Decimal(e["creditAmount"]) for e in general) == 100
    assert paid["transaction"]["postedBy"]["clientId"] == CLIENT_ID
    assert paid["transaction"]["postedBy"]["request"].endswith("Microsoft.NAV.post")
    assert len(paid["transaction"]["seal"]["hash"]) == 64


def test_every_number_that_a_person_may_have_leads_there(books: Books, ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 80, externalDocumentNumber=f"PO-{customer}")

    for number in (f"PO-{customer}", str(invoice["entryNumber"])):
        assert [e["documentNumber"] for e in trace(books, number)] == [invoice["documentNumber"]]
    code, told = run(books, "trace", "NOTHING-LIKE-IT")
    assert (code, "has the number NOTHING-LIKE-IT" in told) == (1, True)


def test_the_text_names_all_sides(books: Books, ledger: Ledger) -> None:
    payment = ledger.payment(ledger.customer(), -70)
    ledger.act(payment, "chargeback", {"bankAccountNumber": "BANK", "feeAmount": 3})

    code, told = run(books, "trace", payment["documentNumber"])

    assert code == 0
    assert f"Payment {payment['documentNumber']} of 2026-01-20" in told
    assert "applied to, with 70" in told
    assert "bank BANK: -70" in told
    assert "account 1310: credit 70" in told
    assert "seal " in told


def test_what_was_open_on_a_day(books: Books, ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice, payment = ledger.invoice(customer, 100), ledger.payment(customer, -40)
    ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}], "postingDate": "2026-02-05"})

    def left(day: str) -> dict[str, float]:
        asked = f"$filter=asOfDate eq {day} and customerNumber eq '{customer}'"
        rows = ledger.get(f"openCustomerLedgerEntries?{asked}")["value"]
        assert {row["asOfDate"] for row in rows} <= {day}
        return {row["documentNumber"]: row["remainingAmount"] for row in rows}

    one, two = invoice["documentNumber"], payment["documentNumber"]
    assert left("2026-01-09") == {}
    assert left("2026-01-10") == {one: invoice["amount"]}
    assert left("2026-02-04") == {one: invoice["amount"], two: -40}
    assert left("2026-02-05") == {one: invoice["amount"] - 40}
    code, told = run(books, "open-entries", "--as-of", "2026-02-04", "--customer", customer, "--json")
    assert code == 0
    assert {row["document"]: Decimal(row["remaining"]) for row in json.loads(told)} == left("2026-02-04")
    assert run(books, "open-entries", "--customer", "NOBODY")[0] == 1


def test_what_was_open_is_what_the_receivables_accounts_held(ledger: Ledger) -> None:
    day = "2026-01-31"
    rows = ledger.get(f"openCustomerLedgerEntries?$filter=asOfDate eq {day}&$top=20000")["value"]
    held = Decimal(0)
    accounts = {"1310"}
    for account in accounts:
        entries = ledger.get(
            f"generalLedgerEntries?$filter=accountNumber eq '{account}' and postingDate le {day}&$select=amount"
        )["value"]
        held += sum((Decimal(str(e["amount"])) for e in entries), Decimal(0))

    assert sum((Decimal(str(r["remainingAmountLocalCurrency"])) for r in rows), Decimal(0)) == held
