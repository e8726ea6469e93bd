"""Rounding the totals of invoices and credit memos to what can be paid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.invoice_rounding import rounding_amount
from debitor.ledger.records import (
    Account,
    Currency,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    GeneralLedgerEntry,
    ReceivablesSetup,
    RoundingDirection,
)
from debitor.ledger.sales_documents import CREDIT_MEMO, INVOICE, Kind
from debitor.operations import corrections, sales_documents, sales_lines
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.sales_posting import post_document
from debitor.operations.sales_values import document_of, lines_of
from debitor.schema import Refused
from debitor.store.opening import open_store

D = Decimal
TODAY = date(2026, 1, 31)
NEAREST, UP, DOWN = RoundingDirection.NEAREST, RoundingDirection.UP, RoundingDirection.DOWN


@pytest.mark.parametrize(
    ("total", "precision", "direction", "added"),
    [
        ("12.34", "0.05", NEAREST, "0.01"),
        ("12.32", "0.05", NEAREST, "-0.02"),
        ("12.35", "0.05", NEAREST, "0"),
        ("12.325", "0.05", NEAREST, "0.025"),
        ("12.31", "0.05", UP, "0.04"),
        ("12.34", "0.05", DOWN, "-0.04"),
        ("1234.50", "1", NEAREST, "0.5"),
        ("1234.49", "10", DOWN, "-4.49"),
        ("12.34", "0.01", NEAREST, "0"),
        ("12.34", "0", NEAREST, "0"),
    ],
)
def test_what_is_added(total: str, precision: str, direction: RoundingDirection, added: str) -> None:
    setup = ReceivablesSetup(
        invoice_rounding=True, invoice_rounding_precision=D(precision), invoice_rounding_type=direction
    )
    currency = Currency(code="CHF", invoice_rounding_precision=D(precision), invoice_rounding_type=direction)

    assert rounding_amount(D(total), None, setup) == D(added)
    assert rounding_amount(D(total), currency, ReceivablesSetup(invoice_rounding=True)) == D(added)
    assert rounding_amount(D(total), currency, ReceivablesSetup()) == 0


@given(
    st.decimals(0, 10**6, places=3),
    st.sampled_from(["0.01", "0.05", "0.5", "1"]),
    st.sampled_from([*RoundingDirection]),
)
def test_the_total_is_a_multiple(total: Decimal, precision: str, direction: RoundingDirection) -> None:
    setup = ReceivablesSetup(
        invoice_rounding=True, invoice_rounding_precision=D(precision), invoice_rounding_type=direction
    )
    added = rounding_amount(total, None, setup)

    assert (total + added) % D(precision) == 0
    assert abs(added) < D(precision)
    assert direction != UP or added >= 0
    assert direction != DOWN or added <= 0


@pytest.fixture
def act(store_url: str) -> Iterator[Any]:
    """The demo company, whose invoices are rounded to 0.05."""
    store = open_store(store_url)
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
        tx = root.at(1)
        setup = tx.find(ReceivablesSetup)
        assert setup
        tx.update(setup, invoice_rounding=True, invoice_rounding_precision=D("0.05"))
        yield SimpleNamespace(
            tx=tx, root=root, today=TODAY, strict=False, parent={}, values={}, key=None, if_match=None, user="clerk",
            request_id="r",
        )  # fmt: skip
    store.close()


def draft(act: Any, kind: Kind, price: str) -> str:
    """A draft of one line at 25 % tax, on the account of an expense."""
    id = sales_documents.create_document(kind, act, {"customerNumber": "10400"})
    account = act.tx.find(Account, number="6410")
    sales_lines.create_line(
        kind, act, {"documentId": id, "accountId": account.id, "quantity": D(1), "unitPrice": D(price), "taxCode": ""}
    )
    return id


@pytest.mark.parametrize("kind", [INVOICE, CREDIT_MEMO], ids=lambda kind: kind.noun)
@pytest.mark.parametrize(
    ("price", "total", "lines"), [("12.34", "12.35", 2), ("12.32", "12.30", 2), ("12.35", "12.35", 1)]
)
def test_the_posted_document_has_a_line_for_it(act: Any, kind: Kind, price: str, total: str, lines: int) -> None:
    id = draft(act, kind, price)
    assert document_of(act.tx, kind, id).total_including_tax == D(price)
    # The account is kept by posting groups alone.
    account = act.tx.find(Account, number="6210")
    act.tx.update(account, direct_posting=False)
    posted = post_document(kind, act.tx, id, user="clerk")

    assert (posted.total_including_tax, posted.total_excluding_tax) == (D(total), D(total))
    found = lines_of(act.tx, kind, id)
    assert len(found) == lines
    assert sum(line.net_amount_including_tax for line in found) == D(total)
    entry = act.tx.find(CustomerLedgerEntry, entry_number=posted.ledger_entry_number)
    assert entry.original_amount == kind.sign * D(total)
    rows = act.tx.all(GeneralLedgerEntry, document_number=posted.number, account_number="6210")
    assert sum(row.amount for row in rows) == kind.sign * (D(price) - D(total))
    assert check_books(act.root) == []


def test_a_cancelled_invoice_gives_the_rounding_back(act: Any) -> None:
    id = draft(act, INVOICE, "12.34")
    invoice = post_document(INVOICE, act.tx, id, user="clerk")
    memo = corrections.cancel_document(INVOICE, act, id)

    assert memo.total_including_tax == invoice.total_including_tax == D("12.35")
    assert act.tx.find(CustomerLedgerEntry, entry_number=invoice.ledger_entry_number).open is False
    assert len(lines_of(act.tx, CREDIT_MEMO, memo.id)) == 2


def test_a_group_without_account_stops_the_posting(act: Any) -> None:
    for group in act.tx.all(CustomerPostingGroup):
        act.tx.update(group, invoice_rounding_account="")
    with pytest.raises(Refused, match="has no invoice rounding account") as no:
        post_document(INVOICE, act.tx, draft(act, INVOICE, "12.34"), user="clerk")

    assert no.value.code == "Application_FieldValidationException"
    assert post_document(INVOICE, act.tx, draft(act, INVOICE, "12.35"), user="clerk").posted
