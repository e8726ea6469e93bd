"""companies: the sets of books of this server, at the root of the API; read only.

`adjustExchangeRates` values what is open in foreign currencies at the rates of a period's end.
"""

from typing import Any

from debitor.entities.companies import COMPANIES as V2
from debitor.entities.master import extended
from debitor.entities.postings import WRITTEN, written
from debitor.ledger.records import Company
from debitor.operations.adjust import adjust_exchange_rates
from debitor.schema import BLANK_DATE, BOOL, DATE, Act, Action, Draft, Property, code


def _adjust(act: Act, id: str, body: Draft) -> dict[str, Any]:
    company: Company = act.tx.get(Company, id)
    rows = adjust_exchange_rates(
        act.tx.at(company.key),
        ending_date=body.get("endingDate", BLANK_DATE),
        posting_date=body.get("postingDate", BLANK_DATE),
        document_number=body["documentNumber"],
        currency_code=body.get("currencyCode", ""),
        user=act.user,
        today=act.today,
        preview=body.get("preview", False),
    )
    return written(rows)


COMPANIES = extended(
    V2,
    actions=(
        Action(
            "adjustExchangeRates",
            _adjust,
            long=True,
            takes=(
                Property("documentNumber", code(20), nullable=False),
                Property("endingDate", DATE),
                Property("postingDate", DATE),
                Property("currencyCode", code(10)),
                Property("preview", BOOL),
            ),
            gives=WRITTEN,
            about="Adjusts open customer entries and bank balances in foreign currency to the adjustment rates of "
            "`postingDate`, for all currencies or for one; with `preview` it writes nothing.",
        ),
    ),
)
