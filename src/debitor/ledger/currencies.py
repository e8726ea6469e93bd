"""Exchange rates. A factor is foreign currency per local currency; local amount = foreign amount / factor.

Example: from 2025-01-01 on, EUR 1 is worth 1.20 in local currency. The factor is 1 / 1.20 = 0.8333..., and
EUR 1000 is 1000 / 0.8333... = 1200.00. The row with the latest starting date not after the day applies.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter

from debitor.ledger.amounts import round_to
from debitor.ledger.records import ExchangeRate
from debitor.schema import Refused

Rates = Mapping[str, Sequence[ExchangeRate]]
"""Currency code -> its rates, by starting date."""

LOCAL = Decimal(1)
_starting = attrgetter("starting_date")


def factor_at(rates: Rates, code: str, on: date) -> Decimal:
    """Return the factor of a currency on a day: 1 for a blank code (local currency).

    Raises:
        Refused: no rate of the currency starts on or before the day, or the rate has an amount of zero.
    """
    if not code:
        return LOCAL
    rate = _rate_at(rates, code, on)
    return _factor(rate, rate.exchange_rate_amount, rate.relational_exchange_rate_amount)


def adjustment_factor_at(rates: Rates, code: str, on: date) -> Decimal:
    """Return the factor at which open entries of a foreign currency are valued on a day.

    It is the factor of the rate's adjustment amounts; one that is zero is taken from the rate itself.

    Raises:
        Refused: as `factor_at`.
    """
    rate = _rate_at(rates, code, on)
    return _factor(
        rate,
        rate.adjustment_exchange_rate_amount or rate.exchange_rate_amount,
        rate.relational_adjustment_exchange_rate_amount or rate.relational_exchange_rate_amount,
    )


def _rate_at(rates: Rates, code: str, on: date) -> ExchangeRate:
    of_currency = rates.get(code, ())
    index = bisect_right(of_currency, on, key=_starting)
    if not index:
        raise Refused(
            "Internal_DataNotFoundFilter",
            f"There is no exchange rate of currency {code} for {on}. Add one that starts on or before that day.",
        )
    return of_currency[index - 1]


def _factor(rate: ExchangeRate, foreign: Decimal, local: Decimal) -> Decimal:
    if not foreign or not local:
        raise Refused(
            "Application_FieldValidationException",
            f"The exchange rate of currency {rate.currency_code} from {rate.starting_date} is zero. Enter both of "
            "its amounts.",
        )
    return foreign / local


def to_lcy(amount: Decimal, factor: Decimal, precision: Decimal) -> Decimal:
    """Return a foreign amount in local currency, rounded to the local currency's precision."""
    return round_to(amount if factor == LOCAL else amount / factor, precision)


def exchange(amount: Decimal, from_code: str, to_code: str, rates: Rates, on: date, precision: Decimal) -> Decimal:
    """Return an amount in another currency, over local currency with the rates of the day.

    Args:
        precision: of the currency `to_code`; an amount that stays in its currency is not rounded.
    """
    if from_code == to_code:
        return amount
    return round_to(amount / factor_at(rates, from_code, on) * factor_at(rates, to_code, on), precision)
