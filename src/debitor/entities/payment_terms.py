"""paymentTerms: when invoices fall due, and the discount for early payment. Source: BCApps APIV2PaymentTerms.Page.al.

Date formulas are stored in their plain form: `<1m + cm>` becomes `1M+CM`.
"""

from typing import Any

from debitor.entities.master import Use, between, editable
from debitor.ledger.records import Customer, JournalLine, PaymentTerm, SalesCreditMemo, SalesInvoice
from debitor.schema import BOOL, DATETIME, DECIMAL, FORMULA, GUID, Act, EntitySet, Property, code, text


def _check(act: Act, row: PaymentTerm | None, columns: dict[str, Any]) -> None:
    between(columns, "discount_percent", "discountPercent", 0, 100)


PAYMENT_TERMS = editable(
    EntitySet(
        name="paymentTerms",
        entity="paymentTerm",
        record=PaymentTerm,
        order=("code",),
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("code", code(10), "code", nullable=False),
            Property("displayName", text(100), "description"),
            Property("dueDateCalculation", FORMULA, "due_date_calculation"),
            Property("discountDateCalculation", FORMULA, "discount_date_calculation"),
            Property("discountPercent", DECIMAL, "discount_percent"),
            Property("calculateDiscountOnCreditMemos", BOOL, "calculate_discount_on_credit_memos"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    required=("code",),
    uses=(
        Use(Customer, "payment_terms_id", "customers"),
        Use(SalesInvoice, "payment_terms_id", "sales invoices"),
        Use(SalesCreditMemo, "payment_terms_id", "sales credit memos"),
        Use(JournalLine, "payment_terms_id", "open journal lines"),
    ),
    prepare=_check,
)
