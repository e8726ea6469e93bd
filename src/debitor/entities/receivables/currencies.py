"""currencies: foreign currencies, with the accounts and limits that posting uses."""

from typing import Any

from debitor.entities.currencies import CURRENCIES as V2
from debitor.entities.master import between, extended
from debitor.entities.receivables.account_columns import account_lookups, check_accounts, code_properties
from debitor.entities.receivables.receivables_setup import check_signs
from debitor.ledger.records import Currency, RoundingDirection
from debitor.schema import BOOL, DATE, DECIMAL, Act, Property, enum

_ACCOUNTS = {
    "realizedGainsAccount": "realized_gains_account",
    "realizedLossesAccount": "realized_losses_account",
    "unrealizedGainsAccount": "unrealized_gains_account",
    "unrealizedLossesAccount": "unrealized_losses_account",
}
_LIMITS = {
    "applicationRoundingPrecision": "application_rounding_precision",
    "maximumPaymentToleranceAmount": "maximum_payment_tolerance_amount",
    "invoiceRoundingPrecision": "invoice_rounding_precision",
}


def _check(act: Act, row: Currency | None, columns: dict[str, Any]) -> None:
    check_accounts(act, _ACCOUNTS, columns)
    check_signs(columns, {}, _LIMITS)
    between(columns, "payment_tolerance_percent", "paymentTolerancePercent", 0, 100)


CURRENCIES = extended(
    V2,
    lookups=account_lookups(_ACCOUNTS.values()),
    properties=(
        *code_properties(_ACCOUNTS),
        *(Property(name, DECIMAL, column) for name, column in _LIMITS.items()),
        Property("invoiceRoundingType", enum(RoundingDirection), "invoice_rounding_type"),
        Property("paymentTolerancePercent", DECIMAL, "payment_tolerance_percent"),
        Property("emuCurrency", BOOL, "emu_currency"),
        Property("lastDateAdjusted", DATE, "last_date_adjusted", editable=False),
    ),
    prepare=_check,
)
