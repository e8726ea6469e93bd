"""customerPayments({id})/applyCustomerEntries: one payment for several invoices, with an amount for each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from wire.conftest import Books
from wire.receivables import Ledger, ledger_of


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


class Payment:
    """A payment that is not posted, and the entries it may pay."""

    def __init__(self, ledger: Ledger, customer: str, **properties: Any) -> None:
        self.ledger = ledger
        self.number = f"P{uuid.uuid4().hex[:10].upper()}"
        self.journal = ledger.v2.new_journal(balanced=True)
        body = {"customerNumber": customer, "documentNumber": self.number, "postingDate": "2026-01-20", **properties}
        made = ledger.post(f"customerPaymentJournals({self.journal})/customerPayments", body)
        assert made.status_code == 201, made.text
        self.at = f"customerPayments({made.json()['id']})"

    def now(self) -> dict[str, Any]:
        return dict(self.ledger.get(self.at))

    def rows(self) -> dict[int, dict[str, Any]]:
        return {row["entryNumber"]: row for row in self.ledger.get(f"{self.at}/applyCustomerEntries")["value"]}

    def patch(self, entry: dict[str, Any], body: Any, tag: str = "*") -> Any:
        url = f"{self.ledger.url}/{self.at}/applyCustomerEntries({entry['id']})"
        return self.ledger.v2.session.patch(url, json=body, headers={"If-Match": tag}, timeout=60)

    def mark(self, entry: dict[str, Any], **body: Any) -> dict[str, Any]:
        answer = self.patch(entry, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self) -> int:
        action = f"customerPaymentJournals({self.journal})/Microsoft.NAV.post"
        return int(self.ledger.post(action).status_code)


def test_one_payment_for_three_invoices_with_an_amount_each(ledger: Ledger) -> None:
    customer = ledger.customer()
    bills = [ledger.invoice(customer, amount) for amount in (100, 200, 300)]
    payment = Payment(ledger, customer)
    first, second, third = bills

    assert [row["applied"] for row in payment.rows().values()] == [False] * 3
    marked = payment.mark(first, applied=True)
    assert (marked["applied"], marked["amountToApply"], marked["appliesToId"]) == (
        True,
        first["amount"],
        payment.number,
    )
    payment.mark(second, amountToApply=50.25)
    payment.mark(third, applied=True)
    assert payment.now()["amount"] == -(first["amount"] + 50.25 + third["amount"])
    assert payment.now()["appliesToId"] == payment.number
    payment.mark(third, applied=False)
    assert payment.now()["amount"] == -(first["amount"] + 50.25)
    assert payment.rows()[third["entryNumber"]]["amountToApply"] == 0

    assert payment.post() == 204
    left = [ledger.again(bill)["remainingAmount"] for bill in bills]
    assert left == [0, second["amount"] - 50.25, third["amount"]]
    entry = ledger.entry(payment.number)
    assert (entry["remainingAmount"], entry["open"]) == (0, False)
    applied = ledger.get(f"customerLedgerEntries({entry['id']})/appliedEntries")["value"]
    assert {row["entryNumber"]: row["amount"] for row in applied} == {
        first["entryNumber"]: first["amount"],
        second["entryNumber"]: 50.25,
    }
    assert [ledger.again(bill)["appliesToId"] for bill in bills] == ["", "", ""]


def test_an_amount_of_its_own_stays(ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    payment = Payment(ledger, customer, amount=-30)

    payment.mark(invoice, applied=True)

    assert payment.now()["amount"] == -30
    assert payment.post() == 204
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"] - 30


def test_the_discount_that_is_granted_is_left_out(ledger: Ledger) -> None:
    terms = ledger.v2.post(
        "paymentTerms",
        {
            "code": uuid.uuid4().hex[:8],
            "dueDateCalculation": "1M",
            "discountDateCalculation": "30D",
            "discountPercent": 2,
        },
    ).json()["id"]
    customer = ledger.customer(paymentTermsId=terms)
    invoice = ledger.invoice(customer, 1000)
    payment = Payment(ledger, customer)

    row = payment.rows()[invoice["entryNumber"]]
    assert row["discountGranted"] == row["remainingPaymentDiscountPossible"] == round(invoice["amount"] * 0.02, 2)
    marked = payment.mark(invoice, applied=True)
    assert marked["amountToApply"] == invoice["amount"] - row["discountGranted"]
    assert payment.now()["amount"] == -marked["amountToApply"]
    assert payment.post() == 204
    assert ledger.again(invoice)["open"] is False


def test_marking_takes_the_place_of_an_invoice_named_before(ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice, other = ledger.invoice(customer, 100), ledger.invoice(customer, 60)
    payment = Payment(ledger, customer, amount=-100, appliesToInvoiceNumber=invoice["documentNumber"])

    payment.mark(other, applied=True)

    now = payment.now()
    assert (now["appliesToInvoiceNumber"], now["appliesToId"]) == ("", payment.number)
    assert ledger.again(invoice)["amountToApply"] == 0
    back = ledger.v2.session.patch(
        f"{ledger.url}/{payment.at}",
        json={"appliesToInvoiceNumber": invoice["documentNumber"]},
        headers={"If-Match": "*"},
        timeout=60,
    )
    assert (back.status_code, back.json()["appliesToId"]) == (200, "")
    assert ledger.again(other)["appliesToId"] == ""


def test_what_cannot_be_marked_is_refused(ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    stranger = ledger.invoice(ledger.customer(), 100)
    payment, rival = Payment(ledger, customer), Payment(ledger, customer)
    tag = payment.rows()[invoice["entryNumber"]]["@odata.etag"]

    assert "must lie between 0" in payment.patch(invoice, {"amountToApply": invoice["amount"] + 1}).text
    assert "must lie between 0" in payment.patch(invoice, {"amountToApply": -1}).text
    assert payment.patch(stranger, {"applied": True}).status_code == 404
    assert payment.patch(invoice, {"remainingAmount": 1}).status_code == 400
    assert payment.patch(invoice, {"applied": True}, tag).status_code == 200
    assert payment.patch(invoice, {"applied": True}, tag).status_code == 409
    assert "is marked for" in rival.patch(invoice, {"applied": True}).text
    assert ledger.post(f"{payment.at}/applyCustomerEntries", {}).status_code == 405
    assert rival.now()["appliesToId"] == ""


def test_a_payment_that_goes_away_takes_its_marks_along(ledger: Ledger) -> None:
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    for gone in ("payment", "journal"):
        payment = Payment(ledger, customer)
        payment.mark(invoice, applied=True)
        at = payment.at if gone == "payment" else f"customerPaymentJournals({payment.journal})"
        assert ledger.v2.session.delete(f"{ledger.url}/{at}", timeout=60).status_code == 204
        now = ledger.again(invoice)
        assert (now["appliesToId"], now["amountToApply"]) == ("", 0)


def test_payments_without_an_invoice_are_not_hidden_here(ledger: Ledger) -> None:
    customer = ledger.customer()
    payment = Payment(ledger, customer, amount=-5)

    at = f"customerPaymentJournals({payment.journal})/customerPayments"
    (row,) = ledger.get(at)["value"]
    assert (row["documentType"], row["amountLocalCurrency"], row["balancingAccountNumber"] != "") == (
        "Payment",
        -5,
        True,
    )
    reason = ledger.post("reasonCodes", {"code": uuid.uuid4().hex[:8]}).json()["code"]
    changed = ledger.v2.session.patch(
        f"{ledger.url}/{payment.at}", json={"reasonCode": reason}, headers={"If-Match": "*"}, timeout=60
    )
    assert changed.json()["reasonCode"] == reason
    assert payment.post() == 204
    assert ledger.entry(payment.number)["reasonCode"] == reason
