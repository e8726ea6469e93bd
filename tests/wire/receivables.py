"""What the tests of debitor's own API share: its addresses, and documents to work with."""

from __future__ import annotations

import uuid
from typing import Any

from wire.conftest import Books

ROOT = "/api/debitor/receivables/v1.0"


class Ledger:
    """A company below debitor's own API root."""

    def __init__(self, books: Books) -> None:
        self.v2 = books
        self.url = f"{books.server.origin}{ROOT}/companies({books.company_id})"

    def get(self, path: str) -> Any:
        """The JSON of a good answer."""
        answer = self.v2.session.get(f"{self.url}/{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The answer to a POST."""
        return self.v2.session.post(f"{self.url}/{path}", json=body, headers=headers, timeout=60)

    def act(self, entry: dict[str, Any], action: str, body: Any = None) -> dict[str, Any]:
        """Run an action of a posted entry. Returns what it wrote."""
        answer = self.post(f"customerLedgerEntries({entry['id']})/Microsoft.NAV.{action}", body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def refused(self, entry: dict[str, Any], action: str, body: Any = None) -> str:
        """The message with which an action of a posted entry is refused."""
        answer = self.post(f"customerLedgerEntries({entry['id']})/Microsoft.NAV.{action}", body)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"]["message"])

    def entry(self, document_number: str) -> dict[str, Any]:
        """The customer ledger entry of a document."""
        (found,) = self.get(f"customerLedgerEntries?$filter=documentNumber eq '{document_number}'")["value"]
        return dict(found)

    def again(self, entry: dict[str, Any]) -> dict[str, Any]:
        """An entry as it is now."""
        return dict(self.get(f"customerLedgerEntries({entry['id']})"))

    def customer(self, **properties: Any) -> str:
        """The number of a new customer."""
        made = self.v2.post("customers", {"displayName": "Entry life", **properties})
        assert made.status_code == 201, made.text
        return str(made.json()["number"])

    def invoice(self, customer: str, amount: float, *, on: str = "2026-01-10", **properties: Any) -> dict[str, Any]:
        """The entry of a posted sales invoice over `amount`, tax included or not as the customer has it."""
        item = self.v2.get("items?$filter=type ne 'Inventory'&$top=1").json()["value"][0]["number"]
        line = {"lineType": "Item", "lineObjectNumber": item, "quantity": 1, "unitPrice": amount}
        body = {"customerNumber": customer, "invoiceDate": on, "postingDate": on, **properties}
        made = self.v2.post("salesInvoices", {**body, "salesInvoiceLines": [line]})
        assert made.status_code == 201, made.text
        at = f"salesInvoices({made.json()['id']})"
        assert self.v2.post(f"{at}/Microsoft.NAV.post").status_code == 204
        return self.entry(self.v2.get(at).json()["number"])

    def payment(self, customer: str, amount: float, *, on: str = "2026-01-20") -> dict[str, Any]:
        """The entry of a posted payment that is applied to nothing; the amount is negative."""
        number = f"P{uuid.uuid4().hex[:10].upper()}"
        journal = self.v2.new_journal(balanced=True)
        body = {"customerNumber": customer, "amount": amount, "documentNumber": number, "postingDate": on}
        made = self.v2.post(f"customerPaymentJournals({journal})/customerPayments", body)
        assert made.status_code == 201, made.text
        assert self.v2.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post").status_code == 204
        return self.entry(number)


def ledger_of(books: Books) -> Ledger:
    """A company of a server below debitor's own root."""
    return Ledger(books)
