"""currencyExchangeRates: what currencies are worth from a day on; writable here.

`exchangeRateAmount` of the currency is worth `relationalExchangeRateAmount` in local currency. The adjustment amounts
are the rate at which open entries are adjusted at the end of a period; 0 means that of the rate.
"""

from dataclasses import replace
from typing import Any

from debitor.entities.currency_exchange_rates import CURRENCY_EXCHANGE_RATES as V2
from debitor.entities.master import editable, refuse
from debitor.ledger.records import Currency, ExchangeRate
from debitor.schema import RATE, Act, Lookup, Property

_AMOUNTS = {
    "exchangeRateAmount": "exchange_rate_amount",
    "relationalExchangeRateAmount": "relational_exchange_rate_amount",
}
_ADJUSTMENTS = {
    "adjustmentExchangeRateAmount": "adjustment_exchange_rate_amount",
    "relationalAdjustmentExchangeRateAmount": "relational_adjustment_exchange_rate_amount",
}
_WRITABLE = ("currencyCode", "startingDate", *_AMOUNTS)


def _check(act: Act, row: ExchangeRate | None, columns: dict[str, Any]) -> None:
    for name, column in _AMOUNTS.items():
        if columns.get(column, 1) <= 0:
            raise refuse(f"{name} must be greater than 0, but is {columns[column]}.")
    for name, column in _ADJUSTMENTS.items():
        if columns.get(column, 0) < 0:
            raise refuse(f"{name} must not be negative, but is {columns[column]}.")


_LAST = V2.properties[-1]
CURRENCY_EXCHANGE_RATES = editable(
    replace(
        V2,
        lookups={"currency": Lookup(Currency, via="currency_code", by="code")},
        properties=(
            *(replace(p, editable=p.name in _WRITABLE) for p in V2.properties[:-1]),
            *(Property(name, RATE, column) for name, column in _ADJUSTMENTS.items()),
            _LAST,
        ),
        by_name={},
    ),
    required=("currencyCode", "startingDate"),
    prepare=_check,
)
