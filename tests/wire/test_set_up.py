"""The set-up under debitor's own API: what can be written, what is refused, and what it does to posting."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from wire.conftest import CLIENT_ID, Books, Server, books_of
from wire.receivables import Ledger, ledger_of

NAMES = {
    "receivablesSetup": "allowPostingFrom allowPostingTo paymentDiscountGracePeriod paymentTolerancePercent "
    "maximumPaymentToleranceAmount paymentTolerancePosting paymentDiscountTolerancePosting paymentToleranceWarning "
    "paymentDiscountToleranceWarning paymentDiscountExcludesTax applicationBetweenCurrencies "
    "applicationRoundingPrecision amountRoundingPrecision localCurrencyCode customerNumbers salesInvoiceNumbers "
    "postedSalesInvoiceNumbers creditMemoNumbers postedCreditMemoNumbers paymentNumbers defaultPaymentJournalId",
    "customerPostingGroups": "code receivablesAccount paymentDiscountDebitAccount paymentDiscountCreditAccount "
    "paymentToleranceDebitAccount paymentToleranceCreditAccount debitRoundingAccount creditRoundingAccount "
    "applicationRoundingDebitAccount applicationRoundingCreditAccount writeOffAccount",
    "numberSeries": "code description startingNumber endingNumber lastNumberUsed incrementBy startingDate "
    "defaultNumbers manualNumbers allowGaps",
    "journalTemplates": "name description type balancingAccountType balancingAccountNumber numberSeries "
    "postingNumberSeries sourceCode reasonCode forceDocumentBalance",
    "reasonCodes": "code",
    "userSetups": "userId allowPostingFrom allowPostingTo",
    "currencyExchangeRates": "currencyCode startingDate exchangeRateAmount relationalExchangeRateAmount "
    "adjustmentExchangeRateAmount",
    "customers": "applicationMethod blockPaymentTolerance customerPostingGroupCode",
    "currencies": "realizedGainsAccount realizedLossesAccount unrealizedGainsAccount unrealizedLossesAccount "
    "applicationRoundingPrecision maximumPaymentToleranceAmount paymentTolerancePercent",
    "customerPaymentJournals": "numberSeries postingNumberSeries balancingAccountType reasonCode",
    "generalLedgerRegisters": "number fromEntryNumber toEntryNumber creationDateTime sourceCode journalBatchName "
    "userId reversed previousHash hash",
    "bankAccountLedgerEntries": "entryNumber",
    "auditEntries": "requestId",
}
"""The names that the API promises."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose set-up nobody else relies on."""
    made = Server(tmp_path_factory.mktemp("set-up") / "books", "--demo")
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def books(server: Server) -> Iterator[Books]:
    made = books_of(server)
    yield made
    made.session.close()


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


def change(ledger: Ledger, at: str, body: Any, status: int = 200) -> Any:
    answer = ledger.v2.session.patch(f"{ledger.url}/{at}", json=body, headers={"If-Match": "*"}, timeout=60)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.json()["error"]["message"]


def add(ledger: Ledger, at: str, body: Any, status: int = 201) -> Any:
    answer = ledger.post(at, body)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 201 else answer.json()["error"]["message"]


def remove(ledger: Ledger, at: str) -> Any:
    return ledger.v2.session.delete(f"{ledger.url}/{at}", timeout=60)


def setup(ledger: Ledger, status: int = 200, **columns: Any) -> Any:
    (row,) = ledger.get("receivablesSetup")["value"]
    return change(ledger, f"receivablesSetup({row['id']})", columns, status)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(ledger: Ledger, name: str) -> None:
    rows = ledger.get(f"{name}?$top=1&$select={','.join(NAMES[name].split())}")["value"]

    for row in rows:
        assert set(NAMES[name].split()) <= set(row)


def test_v2_shows_none_of_it(books: Books) -> None:
    for name in ("receivablesSetup", "customerPostingGroups", "numberSeries", "journalTemplates", "userSetups"):
        assert books.get(name).status_code == 404
    assert "customerPostingGroupCode" not in books.get("customers?$top=1").json()["value"][0]
    assert books.post("currencyExchangeRates", {}).status_code == 405


# --------------------------------------------------------------------------- the one row


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"allowPostingFrom": "2026-02-01", "allowPostingTo": "2026-01-01"}, "later than allowPostingTo"),
        ({"paymentTolerancePercent": 101}, "paymentTolerancePercent must lie between 0 and 100"),
        ({"maximumPaymentToleranceAmount": -1}, "must not be negative"),
        ({"amountRoundingPrecision": 0}, "must be greater than 0"),
        ({"paymentDiscountGracePeriod": "5X"}, "5X"),
        ({"salesInvoiceNumbers": "NOWHERE"}, "NOWHERE"),
        ({"localCurrencyCode": "XYZ"}, "localCurrencyCode cannot change any more"),
        ({"localCurrencyCode": ""}, "must not be blank"),
        ({"localCurrencyCode": "USD"}, "kept as a foreign currency"),
        ({"defaultPaymentJournalId": "11111111-1111-4111-8111-111111111111"}, "does not name"),
        ({"applicationBetweenCurrencies": "Some"}, "applicationBetweenCurrencies"),
        ({"defaultCustomerPostingGroupCode": ""}, "must not be blank"),
    ],
)
def test_a_set_up_that_cannot_be_is_refused(ledger: Ledger, columns: dict[str, Any], told: str) -> None:
    before = ledger.get("receivablesSetup")["value"]

    assert told in setup(ledger, 400, **columns)
    assert ledger.get("receivablesSetup")["value"] == before


def test_posting_dates_hold_from_the_next_request_on(ledger: Ledger) -> None:
    customer = ledger.customer()
    try:
        setup(ledger, allowPostingFrom="2026-02-01", allowPostingTo="2026-02-28")
        with pytest.raises(AssertionError):
            ledger.payment(customer, -1, on="2026-01-31")
        assert ledger.payment(customer, -1, on="2026-02-01")["open"]
        mine = add(ledger, "userSetups", {"userId": CLIENT_ID, "allowPostingFrom": "2026-01-01"})
        assert ledger.payment(customer, -1, on="2026-01-31")["open"]
        assert "later than allowPostingTo" in change(
            ledger, f"userSetups({mine['id']})", {"allowPostingTo": "2025-01-01"}, 400
        )
        assert remove(ledger, f"userSetups({mine['id']})").status_code == 204
    finally:
        setup(ledger, allowPostingFrom="0001-01-01", allowPostingTo="0001-01-01")
    assert ledger.payment(customer, -1, on="2026-01-31")["open"]


def test_payment_tolerance_is_granted_once_it_is_set_up(ledger: Ledger) -> None:
    customer = ledger.customer()

    def pay() -> dict[str, Any]:
        invoice = ledger.invoice(customer, 200)
        payment = ledger.payment(customer, 1 - invoice["amount"])
        ledger.act(payment, "apply", {"entries": [{"entryNumber": invoice["entryNumber"]}]})
        return ledger.again(invoice)

    assert pay()["remainingAmount"] == 1
    try:
        setup(ledger, paymentTolerancePercent=1, maximumPaymentToleranceAmount=5)
        assert pay()["open"] is False
        strict = ledger.v2.get(f"customers?$filter=number eq '{customer}'").json()["value"][0]["id"]
        change(ledger, f"customers({strict})", {"blockPaymentTolerance": True})
        assert pay()["remainingAmount"] == 1
    finally:
        setup(ledger, paymentTolerancePercent=0, maximumPaymentToleranceAmount=0)


# --------------------------------------------------------------------------- posting groups, currencies, customers


def test_posting_groups(ledger: Ledger) -> None:
    code = uuid.uuid4().hex[:8].upper()
    (first, *_) = ledger.get("customerPostingGroups")["value"]
    total = ledger.get("accounts?$filter=accountType ne 'Posting'&$top=1")["value"][0]["number"]
    group = add(ledger, "customerPostingGroups", {"code": code, "receivablesAccount": first["receivablesAccount"]})
    at = f"customerPostingGroups({group['id']})"

    assert "Posting" in change(ledger, at, {"writeOffAccount": total}, 400)
    assert "NOWHERE" in change(ledger, at, {"writeOffAccount": "NOWHERE"}, 400)
    assert "receivablesAccount" in add(ledger, "customerPostingGroups", {"code": "X"}, 400)
    assert change(ledger, at, {"displayName": "Abroad"})["displayName"] == "Abroad"
    customer = ledger.customer()
    id = ledger.v2.get(f"customers?$filter=number eq '{customer}'").json()["value"][0]["id"]
    assert "customerPostingGroupCode" in change(ledger, f"customers({id})", {"customerPostingGroupCode": "NO"}, 400)
    assert "must not be blank" in change(ledger, f"customers({id})", {"customerPostingGroupCode": ""}, 400)
    change(ledger, f"customers({id})", {"customerPostingGroupCode": code})
    refused = remove(ledger, at)
    assert (refused.status_code, "because there are customers with it" in refused.text) == (400, True)
    assert "because there are customers with it" in change(ledger, at, {"code": "OTHER"}, 400)
    ledger.invoice(customer, 10)
    change(ledger, f"customers({id})", {"customerPostingGroupCode": first["code"]})
    assert "ledger entries with it" in remove(ledger, at).text
    other = next(
        a["number"]
        for a in ledger.get("accounts?$filter=accountType eq 'Posting' and category eq 'Assets'")["value"]
        if a["number"] != first["receivablesAccount"]
    )
    assert "are open" in change(ledger, at, {"receivablesAccount": other}, 400)


def test_apply_to_oldest(ledger: Ledger) -> None:
    made = add(ledger, "customers", {"displayName": "Oldest first", "applicationMethod": "Apply to Oldest"})
    old = ledger.invoice(made["number"], 100, on="2026-01-05")
    new = ledger.invoice(made["number"], 100, on="2026-01-06")
    ledger.payment(made["number"], -old["amount"])

    assert (ledger.again(old)["open"], ledger.again(new)["open"]) == (False, True)


def test_currencies_and_their_rates(ledger: Ledger) -> None:
    account = ledger.get("accounts?$filter=accountType eq 'Posting'&$top=1")["value"][0]["number"]
    made = add(ledger, "currencies", {"code": "NOK", "realizedGainsAccount": account, "paymentTolerancePercent": 2})
    at = f"currencies({made['id']})"

    assert "must not be negative" in change(ledger, at, {"maximumPaymentToleranceAmount": -1}, 400)
    assert "NOWHERE" in change(ledger, at, {"unrealizedLossesAccount": "NOWHERE"}, 400)
    rate = {"currencyCode": "NOK", "startingDate": "2026-01-01", "exchangeRateAmount": 100}
    assert "must be greater than 0" in add(ledger, "currencyExchangeRates", {**rate, "exchangeRateAmount": 0}, 400)
    assert "startingDate" in add(ledger, "currencyExchangeRates", {"currencyCode": "NOK"}, 400)
    assert "ZZZ" in add(ledger, "currencyExchangeRates", {**rate, "currencyCode": "ZZZ"}, 400)
    first = add(ledger, "currencyExchangeRates", {**rate, "relationalExchangeRateAmount": 8.5})
    assert "already exists" in add(ledger, "currencyExchangeRates", rate, 400)
    customer = ledger.customer(currencyCode="NOK")
    assert ledger.invoice(customer, 1000)["originalAmountLocalCurrency"] == pytest.approx(
        ledger.get(f"customerLedgerEntries?$filter=customerNumber eq '{customer}'")["value"][0]["amount"] * 0.085
    )
    changed = change(ledger, f"currencyExchangeRates({first['id']})", {"adjustmentExchangeRateAmount": 110})
    assert changed["adjustmentExchangeRateAmount"] == 110


# --------------------------------------------------------------------------- journals, templates, series, reasons


def test_reason_codes_and_templates(ledger: Ledger) -> None:
    reason = add(ledger, "reasonCodes", {"code": "AUDIT", "displayName": "For the audit"})
    template = add(
        ledger,
        "journalTemplates",
        {"name": "STATEMENTS", "type": "Cash Receipts", "reasonCode": "AUDIT", "sourceCode": "BANK"},
    )
    at = f"journalTemplates({template['id']})"

    series = ledger.get("receivablesSetup")["value"][0]["paymentNumbers"]
    assert "NOWHERE" in change(ledger, at, {"reasonCode": "NOWHERE"}, 400)
    assert "another series" in change(ledger, at, {"numberSeries": series, "postingNumberSeries": series}, 400)
    assert "NOWHERE" in change(ledger, at, {"balancingAccountNumber": "NOWHERE"}, 400)
    changed = change(ledger, at, {"balancingAccountType": "Bank Account", "balancingAccountNumber": "BANK"})
    assert (changed["balancingAccountNumber"], changed["forceDocumentBalance"]) == ("BANK", True)
    journal = add(ledger, "journals", {"code": "ST1", "templateDisplayName": "STATEMENTS"})
    assert journal["reasonCode"] == "AUDIT"
    for of in (f"reasonCodes({reason['id']})", at):
        refused = remove(ledger, of)
        assert (refused.status_code, "because there are journal" in refused.text) == (400, True)


def test_a_journal_with_a_bank_account_and_posting_numbers(ledger: Ledger) -> None:
    add(ledger, "numberSeries", {"code": "P-RCPT", "startingNumber": "PR0001"})
    journal = add(
        ledger,
        "customerPaymentJournals",
        {
            "code": "BYBANK",
            "balancingAccountType": "Bank Account",
            "balancingAccountNumber": "BANK",
            "postingNumberSeries": "P-RCPT",
        },
    )
    at = f"customerPaymentJournals({journal['id']})"
    customer = ledger.customer()
    add(ledger, f"{at}/customerPayments", {"customerNumber": customer, "amount": -15, "postingDate": "2026-01-20"})

    assert ledger.post(f"{at}/Microsoft.NAV.post").status_code == 204
    entry = ledger.entry("PR0001")
    assert (entry["customerNumber"], entry["balancingAccountNumber"]) == (customer, "BANK")
    (money,) = ledger.get("bankAccountLedgerEntries?$filter=documentNumber eq 'PR0001'")["value"]
    assert (money["amount"], money["bankAccountNumber"]) == (15, "BANK")
    series = ledger.get("numberSeries?$filter=code eq 'P-RCPT'")["value"][0]
    assert series["lastNumberUsed"] == "PR0001"
    assert "NOWHERE" in change(ledger, at, {"numberSeries": "NOWHERE"}, 400)
    assert "NOWHERE" in change(ledger, at, {"reasonCode": "NOWHERE"}, 400)
    assert "documents have its numbers" in remove(ledger, f"numberSeries({series['id']})").text or "journals" in (
        remove(ledger, f"numberSeries({series['id']})").text
    )


def test_numbers_never_go_back(ledger: Ledger) -> None:
    series = add(
        ledger, "numberSeries", {"code": "NS1", "startingNumber": "A-100", "endingNumber": "A-199", "incrementBy": 1}
    )
    at = f"numberSeries({series['id']})"

    assert "no digits" in add(ledger, "numberSeries", {"code": "NS2", "startingNumber": "ABC"}, 400)
    assert "incrementBy" in change(ledger, at, {"incrementBy": 0}, 400)
    assert "none of the numbers" in change(ledger, at, {"lastNumberUsed": "B-150"}, 400)
    assert change(ledger, at, {"lastNumberUsed": "A-150"})["lastNumberUsed"] == "A-150"
    assert "given twice" in change(ledger, at, {"lastNumberUsed": "A-149"}, 400)
    assert "allows no gaps" in change(ledger, at, {"lastNumberUsed": "A-160"}, 400)
    assert change(ledger, at, {"lastNumberUsed": "A-160", "allowGaps": True})["lastNumberUsed"] == "A-160"
    assert "cannot change" in change(ledger, at, {"startingNumber": "A-001"}, 400)
    assert "cannot change" in change(ledger, at, {"code": "NS3"}, 400)
    later = change(ledger, at, {"startingDate": "2099-01-01", "startingNumber": "A-2099-1"})
    assert later["lastNumberUsed"] == "A-160"
    assert "documents have its numbers" in remove(ledger, at).text
    free = add(ledger, "numberSeries", {"code": "NS9", "startingNumber": "1"})
    assert remove(ledger, f"numberSeries({free['id']})").status_code == 204
    assert "already exists" in add(ledger, "numberSeries", {"code": "NS1"}, 400)


# --------------------------------------------------------------------------- dimensions


def test_dimensions_that_do_not_go_together(ledger: Ledger) -> None:
    one, two = (d["code"] for d in ledger.get("dimensions?$top=2")["value"])
    values = {
        d["code"]: [v["code"] for v in d["dimensionValues"]]
        for d in ledger.get("dimensions?$expand=dimensionValues&$top=2")["value"]
    }
    pair = {"dimension1Code": one, "dimension2Code": two}

    assert "name two dimensions" in add(ledger, "dimensionCombinations", {**pair, "dimension2Code": one}, 400)
    assert "NOWHERE" in add(ledger, "dimensionCombinations", {**pair, "dimension2Code": "NOWHERE"}, 400)
    made = add(ledger, "dimensionCombinations", {**pair, "restriction": "Limited"})
    assert "other way round" in add(
        ledger, "dimensionCombinations", {"dimension1Code": two, "dimension2Code": one}, 400
    )
    bad = {**pair, "dimension1ValueCode": values[one][0], "dimension2ValueCode": "NOWHERE"}
    assert "is no value of dimension" in add(ledger, "dimensionValueCombinations", bad, 400)
    limited = add(ledger, "dimensionValueCombinations", {**bad, "dimension2ValueCode": values[two][0]})
    for at in (f"dimensionValueCombinations({limited['id']})", f"dimensionCombinations({made['id']})"):
        assert remove(ledger, at).status_code == 204


def test_priorities_of_default_dimensions(ledger: Ledger) -> None:
    first = {"sourceCode": "SALES", "parentType": "Customer", "priority": 1}
    made = add(ledger, "defaultDimensionPriorities", first)

    assert "has no default dimensions" in add(
        ledger, "defaultDimensionPriorities", {**first, "parentType": "Vendor"}, 400
    )
    assert "already exists" in add(ledger, "defaultDimensionPriorities", first, 400)
    changed = change(ledger, f"defaultDimensionPriorities({made['id']})", {"priority": 2})
    assert changed["priority"] == 2
    assert remove(ledger, f"defaultDimensionPriorities({made['id']})").status_code == 204
