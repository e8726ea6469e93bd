"""The smallest amount of a currency: ISO 4217's minor units, and the coins that invoices are rounded to.

    EUR 0.01    JPY 1    KWD 0.001    CLF 0.0001    CHF 0.01, invoices 0.05

A code that ISO 4217 does not know has two decimal places, as most of its currencies have.
"""

from __future__ import annotations

from decimal import Decimal

PLACES: dict[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
         "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""Currency code -> decimal places, where they are not two."""

INVOICE_ROUNDING: dict[str, Decimal] = {"CHF": Decimal("0.05")}
"""Currency code -> what totals of invoices are rounded to, where that is not the minor unit."""


def decimal_places(code: str) -> int:
    """Return how many decimal places amounts of a currency have."""
    return PLACES.get(code, 2)


def minor_unit(code: str) -> Decimal:
    """Return the smallest amount of a currency."""
    return Decimal(1).scaleb(-decimal_places(code))
