"""Posted entries under debitor's own API: what they show, apply, unapply, reverse, refund, chargeback, write off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import requests

from wire.conftest import Books
from wire.receivables import ROOT, Ledger, ledger_of

BANK = {"bankAccountNumber": "BANK"}


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


@pytest.fixture
def customer(ledger: Ledger) -> str:
    return ledger.customer()


def amounts(written: dict[str, Any]) -> list[tuple[str, int, float]]:
    """(type, entry, amount) of the detailed entries."""
    details = written["detailedCustomerLedgerEntries"]
    return [(d["entryType"], d["customerLedgerEntryNumber"], d["amount"]) for d in details]


def balanced(written: dict[str, Any]) -> bool:
    general = written["generalLedgerEntries"]
    return sum(Decimal(str(e["debitAmount"])) - Decimal(str(e["creditAmount"])) for e in general) == 0


# --------------------------------------------------------------------------- the root


def test_the_root_serves_v2_with_more(ledger: Ledger, books: Books) -> None:
    v2 = {s["name"] for s in books.session.get(books.root, timeout=60).json()["value"]}
    own = {s["name"] for s in books.session.get(f"{books.server.origin}{ROOT}", timeout=60).json()["value"]}

    assert v2 < own
    assert {"customerLedgerEntries", "detailedCustomerLedgerEntries", "appliedEntries"} <= own - v2
    assert books.get("customerLedgerEntries").status_code == 404
    (there,), (here,) = books.get("customers?$top=1").json()["value"], ledger.get("customers?$top=1")["value"]
    assert there.items() <= here.items()


@pytest.mark.parametrize("prefix", ["/tenant", "/v2.0/production", "/v2.0/tenant/sandbox"])
def test_it_has_every_prefix_of_v2(books: Books, prefix: str) -> None:
    url = f"{books.server.origin}{prefix}{ROOT}/companies"
    found = books.session.get(url, timeout=60)

    assert found.status_code == 200
    assert found.json()["@odata.context"] == f"{url.removesuffix('/companies')}/$metadata#companies"
    assert books.session.get(f"{books.server.origin}{prefix}{ROOT}x/companies", timeout=60).status_code == 404


def test_strict_mode_has_the_root_and_shows_nothing_of_it_below_v2(strict_books: Books) -> None:
    own = ledger_of(strict_books)

    assert own.get("customerLedgerEntries?$top=1")["value"]
    assert b"customerLedgerEntr" not in strict_books.session.get(f"{strict_books.root}/$metadata", timeout=60).content
    journal = strict_books.new_journal()
    assert strict_books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.preview").status_code == 404
    assert own.post(f"customerPaymentJournals({journal})/Microsoft.NAV.preview").status_code == 400


def test_the_root_has_metadata_and_reference_of_its_own(books: Books) -> None:
    origin = books.server.origin
    own = books.session.get(f"{origin}{ROOT}/$metadata", timeout=60).text
    document = requests.get(f"{origin}/openapi/receivables.json", timeout=60).json()
    page = requests.get(f"{origin}/docs/receivables/customerLedgerEntries", timeout=60)

    assert '<Action Name="unapply" IsBound="true">' in own
    assert '<ComplexType Name="writtenEntries">' in own
    assert document["servers"] == [{"url": f"{origin}{ROOT}"}]
    assert "unapplyCustomerLedgerEntry" in page.text
    assert 'href="/docs/receivables/customers"' in page.text
    assert requests.get(f"{origin}/docs", timeout=60).text.count('href="/docs/receivables"') == 1


def test_the_finance_queries_of_business_central(books: Books, ledger: Ledger, customer: str) -> None:
    entry = ledger.invoice(customer, 80)
    root = f"{books.server.origin}/api/microsoft/reportsFinance/beta/companies({books.company_id})"
    asked = f"$filter=customerNumber eq '{customer}'"
    (found,) = books.session.get(f"{root}/customerLedgerEntries?{asked}", timeout=60).json()["value"]
    (detail,) = books.session.get(f"{root}/detailedCustomerLedgerEntries?{asked}", timeout=60).json()["value"]

    assert list(found)[:6] == [
        "entryNumber",
        "documentType",
        "description",
        "postingDate",
        "documentNumber",
        "externalDocumentNumber",
    ]
    assert (found["entryNumber"], found["debitAmount"], found["open"]) == (
        entry["entryNumber"],
        entry["amount"],
        True,
    )
    assert (detail["entryType"], detail["amount"]) == ("Initial_x0020_Entry", entry["amount"])
    gone = books.session.get(f"{root}/customerLedgerEntries({entry['entryNumber']})", timeout=60)
    assert gone.status_code == 404


# --------------------------------------------------------------------------- what entries show


def test_an_entry_leads_to_all_that_belongs_to_it(ledger: Ledger, customer: str) -> None:
    invoice = ledger.invoice(customer, 500)
    ways = "customer,detailedCustomerLedgerEntries,appliedEntries,generalLedgerEntries"
    found = ledger.get(f"customerLedgerEntries({invoice['id']})?$expand={ways}")

    assert found["customer"]["number"] == customer
    assert [d["amount"] for d in found["detailedCustomerLedgerEntries"]] == [invoice["amount"]]
    assert found["appliedEntries"] == []
    general = found["generalLedgerEntries"]
    assert sum(e["debitAmount"] for e in general) == sum(e["creditAmount"] for e in general) == invoice["amount"]
    number = invoice["entryNumber"]
    assert ledger.get(f"customerLedgerEntries(entryNumber={number})")["id"] == invoice["id"]
    assert (
        ledger.get(f"detailedCustomerLedgerEntries?$filter=customerLedgerEntryNumber eq {number}")["value"][0][
            "initialDocumentType"
        ]
        == "Invoice"
    )


def test_entries_are_read_only(ledger: Ledger, customer: str) -> None:
    entry = ledger.invoice(customer, 10)
    url = f"{ledger.url}/customerLedgerEntries({entry['id']})"

    assert ledger.post("customerLedgerEntries", {}).status_code == 405
    for verb in ("PATCH", "PUT", "DELETE"):
        assert ledger.v2.session.request(verb, url, json={}, headers={"If-Match": "*"}, timeout=60).status_code == 405
    assert ledger.again(entry) == {**ledger.again(entry), "remainingAmount": entry["remainingAmount"]}


# --------------------------------------------------------------------------- apply and unapply


def test_apply_a_part_then_unapply(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 500), ledger.payment(customer, -300)
    one, two = invoice["entryNumber"], payment["entryNumber"]

    written = ledger.act(payment, "apply", {"entries": [{"entryNumber": one, "amountToApply": 120.5}]})

    assert amounts(written) == [("Application", one, -120.5), ("Application", two, 120.5)]
    assert written["generalLedgerEntries"] == []
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"] - 120.5
    assert ledger.again(payment)["remainingAmount"] == -179.5
    (theirs,) = ledger.get(f"customerLedgerEntries({invoice['id']})/appliedEntries")["value"]
    (ours,) = ledger.get(f"customerLedgerEntries({payment['id']})/appliedEntries")["value"]
    assert (theirs["entryNumber"], theirs["documentType"], theirs["amount"]) == (two, "Payment", -120.5)
    assert (ours["entryNumber"], ours["documentType"], ours["amount"]) == (one, "Invoice", 120.5)

    back = ledger.act(invoice, "unapply")

    assert sorted(amounts(back)) == [("Application", one, 120.5), ("Application", two, -120.5)]
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"]
    assert ledger.get(f"customerLedgerEntries({invoice['id']})/appliedEntries")["value"] == []
    assert "no application that could be taken back" in ledger.refused(invoice, "unapply")


def test_one_payment_for_many_and_pooled_payments(ledger: Ledger, customer: str) -> None:
    bills = [ledger.invoice(customer, amount) for amount in (100, 200)]
    total = sum(bill["amount"] for bill in bills)
    first, second = ledger.payment(customer, -50), ledger.payment(customer, 50 - total)

    ledger.act(second, "apply", {"entries": [{"entryNumber": e["entryNumber"]} for e in (first, *bills)]})

    for entry in (*bills, first, second):
        assert (ledger.again(entry)["open"], ledger.again(entry)["remainingAmount"]) == (False, 0)
    applied = ledger.get(f"customerLedgerEntries({second['id']})/appliedEntries")["value"]
    assert {row["entryNumber"] for row in applied} == {e["entryNumber"] for e in (first, *bills)}
    assert ledger.again(bills[0])["closedByEntryNumber"] == second["entryNumber"]


def test_the_applying_entry_may_be_another(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 40), ledger.payment(customer, -1000)

    ledger.act(invoice, "apply", {"applyingEntry": payment["entryNumber"], "entries": []})

    assert ledger.again(invoice)["remainingAmount"] == 0
    assert ledger.again(invoice)["closedByEntryNumber"] == payment["entryNumber"]


def test_what_cannot_be_applied_is_refused_and_nothing_changes(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 100), ledger.payment(customer, -100)
    other = ledger.invoice(ledger.customer(), 100)
    of = {"entryNumber": invoice["entryNumber"]}

    refusals = {
        "amountToApply": {"entries": [{**of, "amountToApply": -5}]},
        "named twice": {"entries": [of, of]},
        "belongs to customer": {"entries": [{"entryNumber": other["entryNumber"]}]},
        "at least one": {"entries": []},
        "postingDate": {"entries": [of], "postingDate": "2026-01-01"},
        "opposite sign": {"entries": [{"entryNumber": ledger.payment(customer, -1)["entryNumber"]}]},
        "needs the parameter 'entries'": {},
        "takes no 'amount'": {"entries": [of], "amount": 5},
    }

    for told, body in refusals.items():
        assert told in ledger.refused(payment, "apply", body)
    unknown = ledger.post(
        f"customerLedgerEntries({payment['id']})/Microsoft.NAV.apply", {"entries": [{"entryNumber": 99_999_999}]}
    )
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "Internal_RecordNotFound")
    assert ledger.again(invoice)["@odata.etag"] == invoice["@odata.etag"]
    assert ledger.again(payment)["@odata.etag"] == payment["@odata.etag"]


def test_tags_and_keys_guard_the_acts(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 100), ledger.payment(customer, -100)
    at = f"customerLedgerEntries({payment['id']})/Microsoft.NAV.apply"
    body = {"entries": [{"entryNumber": invoice["entryNumber"], "amountToApply": 10}]}

    assert ledger.post(at, body, **{"If-Match": payment["@odata.etag"]}).status_code == 200
    late = ledger.post(at, body, **{"If-Match": payment["@odata.etag"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "Request_EntityChanged")
    key = {"Idempotency-Key": f"apply-{payment['id']}"}
    assert ledger.post(at, body, **key).text == ledger.post(at, body, **key).text
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"] - 20


# --------------------------------------------------------------------------- reverse, refund, chargeback, write off


def test_reverse_a_payment(ledger: Ledger, customer: str) -> None:
    payment = ledger.payment(customer, -33)

    written = ledger.act(payment, "reverse")

    assert balanced(written)
    assert len(written["generalLedgerEntries"]) == 2
    (new,) = written["customerLedgerEntries"]
    assert (new["amount"], new["remainingAmount"]) == (33, 0)
    now = ledger.again(payment)
    assert (now["reversed"], now["reversedByEntryNumber"], now["open"]) == (True, new["entryNumber"], False)
    assert "reversed already" in ledger.refused(payment, "reverse")
    assert "NOWHERE" in ledger.refused(ledger.payment(customer, -1), "reverse", {"reasonCode": "NOWHERE"})
    assert "was not posted from a journal" in ledger.refused(ledger.invoice(customer, 10), "reverse")


def test_a_reversal_waits_for_the_application(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 100), ledger.payment(customer, -10)
    ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})

    assert "Unapply it first" in ledger.refused(payment, "reverse")
    ledger.act(payment, "unapply")
    ledger.act(payment, "reverse")
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"]


def test_refund_what_was_paid_too_much(ledger: Ledger, customer: str) -> None:
    payment = ledger.payment(customer, -100)

    written = ledger.act(payment, "refund", {"amount": 30, **BANK})

    (new,) = written["customerLedgerEntries"]
    assert (new["documentType"], new["amount"], new["remainingAmount"]) == ("Refund", 30, 0)
    (bank,) = written["bankAccountLedgerEntries"]
    assert (bank["bankAccountNumber"], bank["amount"]) == ("BANK", -30)
    assert balanced(written)
    assert ledger.again(payment)["remainingAmount"] == -70
    assert ledger.refused(payment, "refund", {"amount": 71, **BANK})
    assert "bank" in ledger.refused(payment, "refund", {"amount": 1})


def test_a_chargeback_opens_the_invoices_and_charges_a_fee(ledger: Ledger, customer: str) -> None:
    invoice, payment = ledger.invoice(customer, 80), ledger.payment(customer, -60)
    ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})

    written = ledger.act(payment, "chargeback", {"feeAmount": 7.5, "postingDate": "2026-02-01", **BANK})

    refund, fee = written["customerLedgerEntries"]
    assert (refund["documentType"], refund["amount"]) == ("Refund", 60)
    assert (fee["amount"], fee["remainingAmount"]) == (7.5, 7.5)
    assert ledger.again(invoice)["remainingAmount"] == invoice["amount"]
    assert (ledger.again(payment)["open"], ledger.again(payment)["remainingAmount"]) == (False, 0)
    assert balanced(written)
    assert ledger.refused(payment, "chargeback", BANK)


def test_write_off_a_small_rest(ledger: Ledger, customer: str) -> None:
    invoice = ledger.invoice(customer, 100)
    payment = ledger.payment(customer, 1.5 - invoice["amount"])
    ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})

    written = ledger.act(invoice, "writeOff", {"reasonCode": "WRITEOFF"})

    assert balanced(written)
    assert ledger.again(invoice)["open"] is False
    assert "needs the parameter 'reasonCode'" in ledger.refused(invoice, "writeOff")
    assert "more than the limit" in ledger.refused(
        ledger.invoice(customer, 500), "writeOff", {"reasonCode": "WRITEOFF"}
    )


# --------------------------------------------------------------------------- preview and exchange rates


def test_preview_writes_nothing_and_tells_what_posting_writes(ledger: Ledger, books: Books, customer: str) -> None:
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": customer, "amount": -45, "documentNumber": "PREVIEW-1", "postingDate": "2026-01-20"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    at = f"customerPaymentJournals({journal})/Microsoft.NAV"

    first, second = books.post(f"{at}.preview").json(), ledger.post(f"{at}.preview").json()

    assert first["generalLedgerEntries"] == second["generalLedgerEntries"]
    assert balanced(first)
    assert len(first["generalLedgerEntries"]) == 2
    assert ledger.get("customerLedgerEntries?$filter=documentNumber eq 'PREVIEW-1'")["value"] == []
    assert ledger.post(f"{at}.post").status_code == 204
    (entry,) = ledger.get(f"customerLedgerEntries?$filter=customerNumber eq '{customer}'")["value"]
    assert entry["amount"] == first["customerLedgerEntries"][0]["amount"] == -45


def test_preview_is_refused_for_what_posting_is(ledger: Ledger, books: Books, customer: str) -> None:
    journal = books.new_journal()
    body = {"customerNumber": customer, "amount": -45, "documentNumber": "PREVIEW-2"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    told = [
        ledger.post(f"customerPaymentJournals({journal})/Microsoft.NAV.{action}").json()["error"]
        for action in ("preview", "post")
    ]

    assert told[0]["code"] == told[1]["code"]
    assert told[0]["message"].partition("  CorrelationId")[0] == told[1]["message"].partition("  CorrelationId")[0]


def test_adjust_exchange_rates(fresh_books: Books) -> None:
    ledger = ledger_of(fresh_books)
    rates = ledger.get("currencyExchangeRates?$orderby=startingDate")["value"]
    foreign = rates[0]["currencyCode"]
    customer = ledger.customer(currencyCode=foreign)
    ledger.invoice(customer, 1000, on="2026-01-10")
    at = f"{ledger.url}/Microsoft.NAV.adjustExchangeRates"
    body = {"documentNumber": "ADJ-1", "endingDate": "2026-12-31", "currencyCode": foreign}
    session = fresh_books.session

    preview = session.post(at, json={**body, "preview": True}, timeout=60)
    assert preview.status_code == 200, preview.text
    assert ledger.get("generalLedgerEntries?$filter=documentNumber eq 'ADJ-1'")["value"] == []
    done = session.post(at, json=body, timeout=60)
    assert done.status_code == 200, done.text
    assert done.json()["generalLedgerEntries"] == preview.json()["generalLedgerEntries"]
    assert balanced(done.json())
    assert session.post(at, json={**body, "currencyCode": "XXX"}, timeout=60).status_code == 400
    assert session.post(at, json={"endingDate": "2026-12-31"}, timeout=60).status_code == 400


# --------------------------------------------------------------------------- rights


def test_nobody_acts_without_credentials(ledger: Ledger, customer: str) -> None:
    payment = ledger.payment(customer, -5)
    nobody = requests.post(f"{ledger.url}/customerLedgerEntries({payment['id']})/Microsoft.NAV.reverse", timeout=60)

    assert nobody.status_code == 401
    assert ledger.again(payment)["reversed"] is False
