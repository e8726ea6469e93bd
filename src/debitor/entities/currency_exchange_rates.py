"""currencyExchangeRates: what currencies are worth, read only; the rates that posting uses.

From `startingDate` on, `exchangeRateAmount` of the currency is worth `relationalExchangeRateAmount` in local currency
(`relationalCurrencyCode` is blank). Source: BCApps APIV2CurrencyExchangeRates.Page.al.
"""

from debitor.ledger.records import ExchangeRate
from debitor.schema import DATE, DATETIME, GUID, RATE, Constant, EntitySet, Property, code

CURRENCY_EXCHANGE_RATES = EntitySet(
    name="currencyExchangeRates",
    entity="currencyExchangeRate",
    record=ExchangeRate,
    order=("currencyCode", "startingDate"),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("currencyCode", code(10), "currency_code", editable=False, nullable=False),
        Property("startingDate", DATE, "starting_date", editable=False, nullable=False),
        Property("exchangeRateAmount", RATE, "exchange_rate_amount", editable=False),
        Property("relationalCurrencyCode", code(10), Constant(""), editable=False),
        Property("relationalExchangeRateAmount", RATE, "relational_exchange_rate_amount", editable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
)
