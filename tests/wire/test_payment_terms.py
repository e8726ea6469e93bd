"""customerPayments of debitor's own API: currency, balancing account, reason, a rest written off, messages."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from wire.conftest import Books
from wire.receivables import Ledger, ledger_of


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


@pytest.fixture
def journal(books: Books) -> str:
    return f"customerPaymentJournals({books.new_journal(balanced=True)})"


def pay(ledger: Ledger, journal: str, customer: str, amount: float, **properties: Any) -> dict[str, Any]:
    """A payment that waits in a journal."""
    answer = ledger.post(f"{journal}/customerPayments", body_of(customer, amount, **properties))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def body_of(customer: str, amount: float, **properties: Any) -> dict[str, Any]:
    number = f"P{uuid.uuid4().hex[:10].upper()}"
    return {
        "customerNumber": customer,
        "amount": amount,
        "documentNumber": number,
        "postingDate": "2026-01-20",
        **properties,
    }


def change(ledger: Ledger, payment: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    url = f"{ledger.url}/customerPayments({payment['id']})"
    answer = ledger.v2.session.patch(url, json=body, headers={"If-Match": "*"}, timeout=60)
    assert answer.status_code == status, answer.text
    made: dict[str, Any] = answer.json()
    return made


def messages(ledger: Ledger, payment: dict[str, Any]) -> str:
    found = ledger.get(f"customerPayments({payment['id']})?$select=messages")
    return str(found["messages"])


# --------------------------------------------------------------------------- terms


def test_a_payment_in_another_currency_into_a_named_account(ledger: Ledger, journal: str) -> None:
    """The amount in local currency follows the rate of the posting date."""
    made = pay(
        ledger,
        journal,
        ledger.customer(),
        -100,
        currencyCode="USD",
        balancingAccountType="Bank_x0020_Account",
        balancingAccountNumber="BANK",
        paymentMethodCode=ledger.v2.get("paymentMethods?$top=1").json()["value"][0]["code"],
    )

    assert (made["currencyCode"], made["balancingAccountType"]) == ("USD", "Bank_x0020_Account")
    assert made["balancingAccountNumber"] == "BANK"
    assert made["amountLocalCurrency"] == pytest.approx(-100 / made["currencyFactor"], abs=0.005)
    assert made["amountLocalCurrency"] != made["amount"]
    local = ledger.get("receivablesSetup")["value"][0]["localCurrencyCode"]
    back = change(ledger, made, currencyCode=local)
    assert (back["currencyCode"], back["amountLocalCurrency"], back["currencyFactor"]) == ("", -100, 1)
    assert back["messages"] == ""


def test_the_payment_is_posted_on_its_own_terms(ledger: Ledger, journal: str) -> None:
    customer = ledger.customer()
    made = pay(
        ledger,
        journal,
        customer,
        -40,
        balancingAccountType="Bank Account",
        balancingAccountNumber="BANK",
        reasonCode="DISPUTE",
    )
    assert ledger.post(f"{journal}/Microsoft.NAV.post").status_code == 204
    entry = ledger.entry(made["documentNumber"])

    assert (entry["balancingAccountType"], entry["balancingAccountNumber"]) == ("Bank_x0020_Account", "BANK")
    assert entry["reasonCode"] == "DISPUTE"
    number = made["documentNumber"]
    (bank,) = ledger.get(f"bankAccountLedgerEntries?$filter=documentNumber eq '{number}'")["value"]
    assert (bank["bankAccountNumber"], bank["amount"]) == ("BANK", 40)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"currencyCode": "XXX"}, "currencyCode of customerPayment contains a value (XXX)"),
        ({"paymentMethodCode": "NO"}, "paymentMethodCode of customerPayment contains a value (NO)"),
        ({"reasonCode": "NO"}, "(NO)"),
        ({"writeOffReasonCode": "NO"}, "(NO)"),
        ({"balancingAccountNumber": "NO"}, "(NO)"),
        ({"balancingAccountType": "Customer", "balancingAccountNumber": "10400"}, "has a customer already"),
        ({"balancingAccountType": "Vendor"}, "is not possible"),
        ({"writeOffAmount": -1}, "writeOffAmount -1 must not be negative"),
        ({"messages": "x"}, "messages"),
    ],
)
def test_terms_that_cannot_be_are_refused(ledger: Ledger, journal: str, body: dict[str, Any], told: str) -> None:
    """At POST and at PATCH; nothing is left behind."""
    customer = ledger.customer()
    refused = ledger.post(f"{journal}/customerPayments", body_of(customer, -1, **body))
    made = pay(ledger, journal, customer, -1)

    assert refused.status_code == 400
    assert told in refused.json()["error"]["message"]
    assert told in change(ledger, made, 400, **body)["error"]["message"]
    assert len(ledger.get(f"{journal}/customerPayments")["value"]) == 1


def test_a_bank_account_in_a_currency_gives_it_to_the_payment(ledger: Ledger, journal: str) -> None:
    bank = ledger.v2.post("bankAccounts", {"number": f"B{uuid.uuid4().hex[:8]}", "displayName": "dollars"})
    assert bank.status_code == 201, bank.text
    number = bank.json()["number"]
    dollars = ledger.v2.patch(f"bankAccounts({bank.json()['id']})", {"currencyCode": "USD"})
    assert dollars.status_code == 200, dollars.text
    made = pay(
        ledger, journal, ledger.customer(), -10, balancingAccountType="Bank Account", balancingAccountNumber=number
    )

    assert made["currencyCode"] == "USD"
    told = change(ledger, made, 400, currencyCode="GBP")["error"]["message"]
    assert "kept in USD" in told


def test_another_type_of_account_clears_its_number(ledger: Ledger, journal: str) -> None:
    made = pay(ledger, journal, ledger.customer(), -10)
    assert made["balancingAccountNumber"]

    changed = change(ledger, made, balancingAccountType="Bank Account")
    assert changed["balancingAccountNumber"] == ""


# --------------------------------------------------------------------------- a rest written off


def test_a_short_payment_closes_its_invoice(ledger: Ledger, journal: str) -> None:
    """The rest goes to the write-off account, in the same posting, for the reason given; preview tells it."""
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    made = pay(
        ledger,
        journal,
        customer,
        0.75 - invoice["amount"],
        appliesToInvoiceNumber=invoice["documentNumber"],
        writeOffAmount=0.75,
        writeOffReasonCode="WRITEOFF",
    )
    assert made["messages"] == ""
    shown = ledger.post(f"{journal}/Microsoft.NAV.preview").json()
    assert ledger.post(f"{journal}/Microsoft.NAV.post").status_code == 204
    number = made["documentNumber"]
    paid, given_up = ledger.get(f"customerLedgerEntries?$filter=documentNumber eq '{number}'&$orderby=entryNumber")[
        "value"
    ]

    assert ledger.again(invoice)["open"] is False
    assert (given_up["amount"], given_up["reasonCode"], given_up["remainingAmount"]) == (-0.75, "WRITEOFF", 0)
    assert (paid["documentType"], given_up["documentType"]) == ("Payment", "_x0020_")
    assert [e["amount"] for e in shown["customerLedgerEntries"]] == [paid["amount"], given_up["amount"]]
    ledger.act(invoice, "unapply")
    ledger.act(given_up, "reverse")
    assert ledger.again(invoice)["remainingAmount"] == 0.75


def test_what_cannot_be_written_off_stops_posting(ledger: Ledger, journal: str) -> None:
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    names = {"appliesToInvoiceNumber": invoice["documentNumber"]}
    made = pay(ledger, journal, customer, -10, writeOffAmount=1, **names)

    steps: list[tuple[dict[str, Any], str]] = [
        ({}, "writeOffReasonCode must have a value"),
        ({"writeOffReasonCode": "WRITEOFF", "writeOffAmount": 6}, "the limit up to which"),
        ({"writeOffAmount": 1000}, "which remains of Invoice"),
        ({"writeOffAmount": 1, "appliesToInvoiceNumber": ""}, "names no document"),
    ]
    for body, told in steps:
        change(ledger, made, **body)
        refused = ledger.post(f"{journal}/Microsoft.NAV.post")
        assert refused.status_code == 400
        assert told in refused.json()["error"]["message"]
        assert refused.json()["error"]["message"].startswith(messages(ledger, made) + " ")
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"]


# --------------------------------------------------------------------------- messages


def test_messages_name_what_the_payments_before_leave(ledger: Ledger, journal: str) -> None:
    """Of two payments for one invoice the second, in order of their documents, has nothing left to pay."""
    customer = ledger.customer()
    invoice = ledger.invoice(customer, 100)
    names = {"appliesToInvoiceNumber": invoice["documentNumber"]}
    first = pay(ledger, journal, customer, -invoice["amount"], documentNumber="A1", **names)
    second = pay(ledger, journal, customer, -1, documentNumber="A2", **names)
    listed = ledger.get(f"{journal}/customerPayments?$orderby=lineNumber&$select=id,messages")["value"]

    assert first["messages"] == messages(ledger, first) == ""
    assert "has no open entry" in second["messages"]
    assert [(row["id"], bool(row["messages"])) for row in listed] == [(first["id"], False), (second["id"], True)]
    expanded = ledger.get(f"{journal}?$expand=customerPayments($select=messages)")["customerPayments"]
    assert [bool(row["messages"]) for row in expanded] == [False, True]
    assert "has no open entry" in ledger.post(f"{journal}/Microsoft.NAV.post").json()["error"]["message"]


def test_messages_of_a_document_that_does_not_balance(ledger: Ledger, books: Books) -> None:
    journal = f"customerPaymentJournals({books.new_journal()})"
    made = pay(ledger, journal, ledger.customer(), -10)

    assert "out of balance by -10" in made["messages"]
    assert messages(ledger, made) == made["messages"]


@pytest.mark.parametrize("options", ["$filter=messages eq ''", "$orderby=messages"])
def test_messages_are_no_question_for_the_store(ledger: Ledger, journal: str, options: str) -> None:
    answer = ledger.v2.session.get(f"{ledger.url}/{journal}/customerPayments?{options}", timeout=60)

    assert answer.status_code == 400
    assert "messages" in answer.json()["error"]["message"]


def test_v2_knows_nothing_of_it(ledger: Ledger, books: Books, journal: str) -> None:
    made = books.post(f"{journal}/customerPayments", body_of(ledger.customer(), -1))

    assert made.status_code == 201
    assert not {"messages", "currencyCode", "writeOffAmount"} & set(made.json())
    assert books.post(f"{journal}/customerPayments", {"currencyCode": "USD"}).status_code == 400


def test_lines_of_general_journals_have_currency_and_reason(ledger: Ledger, books: Books) -> None:
    code = "G" + uuid.uuid4().hex[:8].upper()
    journal = books.post("journals", {"code": code, "displayName": "general"}).json()["id"]
    line = {"accountNumber": books.get("accounts?$filter=directPosting eq true&$top=1").json()["value"][0]["number"]}
    made = ledger.post(f"journals({journal})/journalLines", {**line, "amount": 5, "reasonCode": "MISTAKE"})

    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["reasonCode"], told["currencyCode"], told["amountLocalCurrency"]) == ("MISTAKE", "", 5)
    refused = ledger.post(f"journals({journal})/journalLines", {**line, "amount": 5, "reasonCode": "NO"})
    assert refused.status_code == 400
