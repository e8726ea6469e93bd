"""Posting over a socket: invoices and payments go in, the ledgers agree to the cent."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def new_customer(books: Any, **extra: Any) -> dict[str, Any]:
    answer = books.post("customers", {"displayName": "Posting", **extra})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def invoice(books: Any, customer: dict[str, Any], amount: float, date: str = "2026-01-10") -> dict[str, Any]:
    """A posted invoice with one untaxed line of this amount."""
    account = books.get("accounts?$filter=category eq 'Income' and directPosting eq true").json()["value"][0]
    line = {"lineType": "Account", "accountId": account["id"], "quantity": 1, "unitPrice": amount, "taxCode": ""}
    body = {"customerId": customer["id"], "invoiceDate": date, "postingDate": date, "salesInvoiceLines": [line]}
    made = books.post("salesInvoices", body)
    assert made.status_code == 201, made.text
    posted = books.post(f"salesInvoices({made.json()['id']})/Microsoft.NAV.post")
    assert posted.status_code == 204, posted.text
    return dict(books.get(f"salesInvoices({made.json()['id']})").json())


def pay(books: Any, journal: str, **body: Any) -> dict[str, Any]:
    answer = books.post(f"customerPaymentJournals({journal})/customerPayments", {"postingDate": "2026-02-05", **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def post(books: Any, journal: str) -> Any:
    return books.post(f"journals({journal})/Microsoft.NAV.post")


def balance(books: Any, customer: dict[str, Any]) -> Any:
    return books.get(f"customers({customer['id']})").json()["balanceDue"]


CASES = [
    ("full payment", 1000, [-1000], 0, "Paid", 0),
    ("partial payment", 1000, [-400], 600, "Open", 600),
    ("two payments", 1000, [-400, -600], 0, "Paid", 0),
    ("over-payment", 1000, [-1200], 0, "Paid", -200),
]


@pytest.mark.parametrize(("what", "amount", "paid", "remaining", "status", "owed"), CASES, ids=[c[0] for c in CASES])
def test_applied_payments(
    books: Any, what: str, amount: int, paid: list[int], remaining: int, status: str, owed: int
) -> None:
    """Invoice, customer balance and general ledger tell the same story."""
    customer = new_customer(books)
    sold = invoice(books, customer, amount)
    assert (sold["status"], sold["remainingAmount"]) == ("Open", amount)
    for part in paid:
        journal = books.new_journal(balanced=True)
        pay(books, journal, customerId=customer["id"], amount=part, appliesToInvoiceId=sold["id"])
        answer = post(books, journal)
        assert answer.status_code == 204, answer.text
    after = books.get(f"salesInvoices({sold['id']})").json()

    assert (after["status"], after["remainingAmount"]) == (status, remaining)
    assert after["@odata.etag"] != sold["@odata.etag"]
    assert balance(books, customer) == owed
    detail = books.get(f"customers({customer['id']})/customerFinancialDetail").json()
    assert detail["balance"] == owed


def test_the_general_ledger_entries_of_a_payment(books: Any) -> None:
    """The balancing account first, then the receivables; debits equal credits."""
    customer = new_customer(books)
    sold = invoice(books, customer, 250.5)
    journal = books.new_journal(balanced=True)
    line = pay(books, journal, customerId=customer["id"], amount=-250.5, appliesToInvoiceId=sold["id"])
    assert post(books, journal).status_code == 204
    found = books.get(f"generalLedgerEntries?$filter=documentNumber eq '{line['documentNumber']}'").json()["value"]

    assert [(e["debitAmount"], e["creditAmount"]) for e in found] == [(250.5, 0), (0, 250.5)]
    assert [e["documentType"] for e in found] == ["Payment", "Payment"]
    assert found[1]["entryNumber"] == found[0]["entryNumber"] + 1
    assert found[0]["description"] == customer["displayName"]


def test_what_is_posted_is_gone_from_the_journal(books: Any) -> None:
    """The next line goes on from where the journal stopped."""
    customer = new_customer(books)
    journal = books.new_journal(balanced=True)
    first = pay(books, journal, customerId=customer["id"], amount=-10)
    assert post(books, journal).status_code == 204
    path = f"customerPaymentJournals({journal})/customerPayments"
    assert books.get(path).json()["value"] == []
    assert books.get(f"{path}({first['id']})").status_code == 404
    second = pay(books, journal, customerId=customer["id"], amount=-10)

    assert second["documentNumber"] > first["documentNumber"]


def test_an_empty_journal_is_refused(books: Any) -> None:
    """There is nothing to post."""
    assert refusal(post(books, books.new_journal(balanced=True))) == (400, "Application_DialogException")


def test_one_wrong_line_posts_nothing(books: Any) -> None:
    """All or nothing: the ledgers, the journal and the number series stay as they were."""
    customer = new_customer(books)
    journal = books.new_journal(balanced=True)
    pay(books, journal, customerId=customer["id"], amount=-10)
    pay(books, journal, customerId=customer["id"], amount=0)
    last = books.get("generalLedgerEntries?$orderby=entryNumber desc&$top=1").json()["value"][0]["entryNumber"]
    answer = post(books, journal)

    assert refusal(answer) == (400, "Application_FieldValidationException")
    assert "amount" in answer.json()["error"]["message"].lower()
    assert len(books.get(f"customerPaymentJournals({journal})/customerPayments").json()["value"]) == 2
    now = books.get("generalLedgerEntries?$orderby=entryNumber desc&$top=1").json()["value"][0]["entryNumber"]
    assert now == last
    assert balance(books, customer) == 0


def test_an_unbalanced_document_is_refused(books: Any) -> None:
    """Without a balancing account somebody must name the other side."""
    customer = new_customer(books)
    journal = books.new_journal()
    pay(books, journal, customerId=customer["id"], amount=-10, documentNumber="UNB1")
    answer = post(books, journal)

    assert refusal(answer) == (400, "Application_DialogException")
    assert "UNB1" in answer.json()["error"]["message"]


def test_an_invoice_number_that_names_nothing_is_refused_when_posting(books: Any) -> None:
    """The text was accepted when the line was made; the ledger does not guess."""
    customer = new_customer(books)
    journal = books.new_journal(balanced=True)
    pay(books, journal, customerId=customer["id"], amount=-10, appliesToInvoiceNumber="NOSUCH")

    assert refusal(post(books, journal)) == (400, "Internal_DataNotFoundFilter")


def test_an_invoice_of_another_customer_is_refused_when_posting(books: Any) -> None:
    """Accepted as a line, refused by the ledger."""
    sold = invoice(books, new_customer(books), 10)
    journal = books.new_journal(balanced=True)
    pay(books, journal, customerId=new_customer(books)["id"], amount=-10, appliesToInvoiceId=sold["id"])

    assert refusal(post(books, journal)) == (400, "Internal_DataNotFoundFilter")


def test_a_journal_posted_by_many_at_once_is_posted_once(books: Any) -> None:
    """One caller gets 204, the others find an empty journal; nothing is posted twice."""
    customer = new_customer(books)
    journal = books.new_journal(balanced=True)
    for _ in range(5):
        pay(books, journal, customerId=customer["id"], amount=-10)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(post(books, journal).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [204] + [400] * 7
    assert balance(books, customer) == -50


def test_two_payments_of_one_invoice_at_once_never_over_apply(books: Any) -> None:
    """Together they pay 1200 of 1000: one stays open with the rest, or is applied to what is left."""
    customer = new_customer(books)
    sold = invoice(books, customer, 1000)
    journals = [books.new_journal(balanced=True) for _ in range(2)]
    for journal in journals:
        pay(books, journal, customerId=customer["id"], amount=-600, appliesToInvoiceId=sold["id"])
    threads = [threading.Thread(target=post, args=(books, journal)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = books.get(f"salesInvoices({sold['id']})").json()

    assert (after["status"], after["remainingAmount"]) == ("Paid", 0)
    assert balance(books, customer) == -200


def test_a_general_journal_is_posted(books: Any) -> None:
    """Two G/L lines that balance."""
    found = books.get("accounts?$filter=directPosting eq true and accountType eq 'Posting'&$top=2").json()["value"]
    made = books.post("journals", {"code": "GJ" + str(threading.get_ident())[-6:], "displayName": "general"})
    assert made.status_code == 201, made.text
    path = f"journals({made.json()['id']})"
    for account, amount in zip(found, (12.34, -12.34), strict=True):
        body = {"accountId": account["id"], "amount": amount, "documentNumber": "GJ1", "postingDate": "2026-03-01"}
        assert books.post(f"{path}/journalLines", body).status_code == 201
    before = {a["number"]: Decimal(str(a["netChange"])) for a in found}
    assert books.post(f"{path}/Microsoft.NAV.post", {}).status_code == 204
    after = {a["number"]: Decimal(str(books.get(f"accounts({a['id']})").json()["netChange"])) for a in found}

    assert [after[n] - before[n] for n in before] == [Decimal("12.34"), Decimal("-12.34")]


def test_posted_documents_and_entries_cannot_be_changed_or_deleted(books: Any) -> None:
    """Corrections are new postings."""
    sold = invoice(books, new_customer(books), 10)
    entry = books.get("generalLedgerEntries?$top=1").json()["value"][0]

    assert refusal(books.patch(f"salesInvoices({sold['id']})", {"externalDocumentNumber": "X"}))[1] == (
        "Application_DialogException"
    )
    assert refusal(books.delete(f"salesInvoices({sold['id']})"))[1] == "Application_DialogException"
    assert books.delete(f"generalLedgerEntries({entry['id']})").status_code == 405
    assert books.patch(f"generalLedgerEntries({entry['id']})", {"description": "x"}).status_code == 405


def test_debits_equal_credits_over_all_entries(books: Any) -> None:
    """The whole demo company and everything the tests posted."""
    total = Decimal(0)
    url = "generalLedgerEntries?$select=debitAmount,creditAmount"
    while url:
        page = books.get(url, headers={"Prefer": "odata.maxpagesize=500"}).json()
        total += sum(Decimal(str(e["debitAmount"])) - Decimal(str(e["creditAmount"])) for e in page["value"])
        url = page.get("@odata.nextLink", "")

    assert total == 0
