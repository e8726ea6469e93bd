"""salespeoplePurchasers: who sells and buys. Source: BCApps APIV2SalespersonPurchaser.Page.al."""

from __future__ import annotations

from typing import Any

from debitor.entities.master import Use, between, editable
from debitor.ledger.records import (
    Customer,
    CustomerLedgerEntry,
    JournalLine,
    SalesCreditMemo,
    SalesInvoice,
    Salesperson,
)
from debitor.schema import BOOL, DATETIME, DECIMAL, GUID, Act, EntitySet, Property, code, text


def _check(act: Act, row: Salesperson | None, columns: dict[str, Any]) -> None:
    between(columns, "commission_percent", "commisionPercent", 0, 100)


SALESPEOPLE_PURCHASERS = editable(
    EntitySet(
        name="salespeoplePurchasers",
        entity="salespersonPurchaser",
        record=Salesperson,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(20), "code", nullable=False),
            Property("displayName", text(50), "display_name"),
            Property("email", text(80), "email"),
            Property("email2", text(80), "email_2"),
            Property("phoneNo", text(30), "phone_number"),
            Property("jobTitle", text(30), "job_title"),
            Property("commisionPercent", DECIMAL, "commission_percent"),
            Property("privacyBlocked", BOOL, "privacy_blocked"),
            Property("blocked", BOOL, "blocked"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Customer, "salesperson_code", "customers", by="code"),
        Use(SalesInvoice, "salesperson", "sales invoices", by="code"),
        Use(SalesCreditMemo, "salesperson", "sales credit memos", by="code"),
        Use(JournalLine, "salesperson_code", "open journal lines", by="code"),
        Use(CustomerLedgerEntry, "salesperson_code", "ledger entries", by="code"),
    ),
    prepare=_check,
)
