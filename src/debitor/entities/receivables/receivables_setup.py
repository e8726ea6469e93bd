"""receivablesSetup: how this company posts and applies, one row; changes take effect with the next request.

Number series and the payment journal must exist. `localCurrencyCode` cannot change once something was posted.
"""

from decimal import Decimal
from typing import Any

from debitor.entities.master import between, editable, refuse
from debitor.entities.receivables.account_columns import code_properties, series_lookups
from debitor.ledger.records import (
    Currency,
    CurrencyApplication,
    CustomerPostingGroup,
    GeneralLedgerEntry,
    JournalBatch,
    ReceivablesSetup,
    RoundingDirection,
    TolerancePosting,
)
from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    FORMULA,
    GUID,
    Act,
    EntitySet,
    Lookup,
    Property,
    code,
    enum,
    text,
)

_SERIES = {
    "customerNumbers": "customer_numbers",
    "itemNumbers": "item_numbers",
    "contactNumbers": "contact_numbers",
    "salesInvoiceNumbers": "sales_invoice_numbers",
    "postedSalesInvoiceNumbers": "posted_sales_invoice_numbers",
    "creditMemoNumbers": "credit_memo_numbers",
    "postedCreditMemoNumbers": "posted_credit_memo_numbers",
    "paymentNumbers": "payment_numbers",
}
_POSITIVE = {
    "amountRoundingPrecision": "amount_rounding_precision",
    "unitAmountRoundingPrecision": "unit_amount_rounding_precision",
    "invoiceRoundingPrecision": "invoice_rounding_precision",
}
_NOT_NEGATIVE = {
    "applicationRoundingPrecision": "application_rounding_precision",
    "maximumPaymentToleranceAmount": "maximum_payment_tolerance_amount",
    "writeOffLimit": "write_off_limit",
}


def check_dates(row: Any, columns: dict[str, Any]) -> None:
    """Refuse posting dates that allow nothing. Raises Refused."""
    first, last = (
        columns.get(name, getattr(row, name) if row is not None else BLANK_DATE)
        for name in ("allow_posting_from", "allow_posting_to")
    )
    if last not in (BLANK_DATE,) and first > last:
        raise refuse(
            f"allowPostingFrom {first} is later than allowPostingTo {last}, so that nothing could be posted."
        )


def check_signs(columns: dict[str, Any], positive: dict[str, str], not_negative: dict[str, str]) -> None:
    """Refuse precisions that are not positive, and limits that are negative. Raises Refused."""
    for name, column in positive.items():
        if columns.get(column, Decimal(1)) <= 0:
            raise refuse(f"{name} must be greater than 0, but is {columns[column]}.")
    for name, column in not_negative.items():
        if columns.get(column, Decimal(0)) < 0:
            raise refuse(f"{name} must not be negative, but is {columns[column]}.")


def _check(act: Act, row: ReceivablesSetup, columns: dict[str, Any]) -> None:
    check_dates(row, columns)
    check_signs(columns, _POSITIVE, _NOT_NEGATIVE)
    between(columns, "payment_tolerance_percent", "paymentTolerancePercent", 0, 100)
    local = columns.get("local_currency_code", row.local_currency_code)
    if local != row.local_currency_code:
        if not local:
            raise refuse("localCurrencyCode must not be blank.")
        if act.tx.find(Currency, code=local):
            raise refuse(f"localCurrencyCode {local} is kept as a foreign currency; delete it there first.")
        if act.tx.greatest(GeneralLedgerEntry, "entry_number"):
            raise refuse("localCurrencyCode cannot change any more: entries were posted in it.")
    id = columns.get("default_payment_journal_id", BLANK_GUID)
    if id != BLANK_GUID and act.tx.get(JournalBatch, id).template_name != row.payment_template:
        raise refuse(f"defaultPaymentJournalId {id} is a journal of another template; name a payment journal.")
    if not columns.get("default_customer_posting_group", "x"):
        raise refuse("defaultCustomerPostingGroupCode must not be blank: new customers get it.")


RECEIVABLES_SETUP = editable(
    EntitySet(
        name="receivablesSetup",
        entity="receivablesSetup",
        record=ReceivablesSetup,
        single=True,
        lookups={
            **series_lookups(_SERIES.values()),
            "journal": Lookup(JournalBatch, via="default_payment_journal_id"),
            "group": Lookup(CustomerPostingGroup, via="default_customer_posting_group", by="code"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("localCurrencyCode", code(10), "local_currency_code"),
            Property("localCurrencySymbol", text(10), "local_currency_symbol"),
            Property("allowPostingFrom", DATE, "allow_posting_from"),
            Property("allowPostingTo", DATE, "allow_posting_to"),
            Property("paymentDiscountGracePeriod", FORMULA, "payment_discount_grace_period"),
            Property("paymentTolerancePercent", DECIMAL, "payment_tolerance_percent"),
            Property("maximumPaymentToleranceAmount", DECIMAL, "maximum_payment_tolerance_amount"),
            Property("paymentTolerancePosting", enum(TolerancePosting), "payment_tolerance_posting"),
            Property("paymentDiscountTolerancePosting", enum(TolerancePosting), "payment_discount_tolerance_posting"),
            Property("paymentToleranceWarning", BOOL, "payment_tolerance_warning"),
            Property("paymentDiscountToleranceWarning", BOOL, "payment_discount_tolerance_warning"),
            Property("paymentDiscountExcludesTax", BOOL, "payment_discount_excludes_tax"),
            Property("applicationBetweenCurrencies", enum(CurrencyApplication), "application_between_currencies"),
            Property("applicationRoundingPrecision", DECIMAL, "application_rounding_precision"),
            Property("amountRoundingPrecision", DECIMAL, "amount_rounding_precision"),
            Property("unitAmountRoundingPrecision", DECIMAL, "unit_amount_rounding_precision"),
            Property("invoiceRounding", BOOL, "invoice_rounding"),
            Property("invoiceRoundingPrecision", DECIMAL, "invoice_rounding_precision"),
            Property("invoiceRoundingType", enum(RoundingDirection), "invoice_rounding_type"),
            Property("emuCurrency", BOOL, "emu_currency"),
            Property("writeOffLimit", DECIMAL, "write_off_limit"),
            Property("defaultCustomerPostingGroupCode", code(20), "default_customer_posting_group"),
            *code_properties(_SERIES),
            Property("defaultPaymentJournalId", GUID, "default_payment_journal_id"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
    ),
    prepare=_check,
    only="change",
)
