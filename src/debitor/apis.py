"""The APIs of one set of books: by which root they are addressed, what they show, what their reference says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debitor.entities import CATALOG
from debitor.entities.receivables import RECEIVABLES
from debitor.entities.reports_finance import REPORTS_FINANCE
from debitor.schema import EntitySet

_RULES = """\
**Who asks.** Get a token from the token endpoint with client id and secret, or send these as HTTP Basic.

**Which company.** Every address below names the company by its id. `?company=Name` and the headers `Company` and
`CompanyId` do the same at the root, as in `/customers?company=Name`.

**Versions.** Every entity has `@odata.etag`. A PATCH sends it as `If-Match`; `*` means whichever is there.

**Lists** come in pages: follow `@odata.nextLink` until there is none.

**Blank values** are never null: a blank text is `""`, a blank date `0001-01-01`, a blank id all zeros, a blank enum
`_x0020_`. In a request null means blank.

**Refusals** have one form: a code for programs, and a message that says which field and what to do.
"""


@dataclass(frozen=True, slots=True)
class Api:
    """One API.

    Args:
        root: the path of its root.
        place: what stands for it in the addresses of its reference; "" for `/openapi.json` and `/docs`.
        catalog: the entity sets by name.
        own: it is debitor's own, so that there is nothing to answer in strict mode as Business Central does.
        title, summary, introduction: for its reference; the last in Markdown.
    """

    root: str
    place: str
    catalog: Mapping[str, EntitySet]
    own: bool
    title: str
    summary: str
    introduction: str


V2 = Api(
    root="/api/v2.0",
    place="",
    catalog=CATALOG,
    own=False,
    title="debitor",
    summary="The Business Central API v2.0 for receivables",
    introduction="A receivables server that speaks the Business Central API v2.0 (OData v4, JSON).\n\n" + _RULES,
)
RECEIVABLES_API = Api(
    root="/api/debitor/receivables/v1.0",
    place="receivables",
    catalog=RECEIVABLES,
    own=True,
    title="debitor receivables",
    summary="debitor's own API: ledgers, applications and set-up beside everything of v2.0",
    introduction="Everything of the Business Central API v2.0, with what it lacks: the customer ledger and the life "
    "of its entries (apply, unapply, reverse), refunds and chargebacks, preview of posting, and the set-up.\n\n"
    + _RULES,
)
REPORTS_FINANCE_API = Api(
    root="/api/microsoft/reportsFinance/beta",
    place="reportsFinance",
    catalog=REPORTS_FINANCE,
    own=False,
    title="debitor reportsFinance",
    summary="Business Central's finance queries of the customer ledger",
    introduction="Business Central's API reportsFinance (beta), for its queries of the customer ledger.\n\n" + _RULES,
)
APIS = (V2, RECEIVABLES_API, REPORTS_FINANCE_API)
"""All of them; the first is the one that most clients speak to."""
