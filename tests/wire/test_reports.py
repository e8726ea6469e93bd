"""Reports over a socket: rows, inputs through $filter, ways in and out, options, verbs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

BLANK = "00000000-0000-0000-0000-000000000000"
PERIODS = ("currentAmount", "period1Amount", "period2Amount", "period3Amount")


def value(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["value"])


# --------------------------------------------------------------------------- aged receivables


def test_the_ageing_has_every_customer_and_a_total(books: Any) -> None:
    answer = books.get("agedAccountsReceivables")
    rows = value(answer)
    customers = value(books.get("customers?$expand=customerFinancialDetail"))

    assert (
        answer.json()["@odata.context"]
        == f"{books.root}/$metadata#companies({books.company_id})/agedAccountsReceivables"
    )
    assert list(rows[0]) == [
        "@odata.etag", "customerId", "customerNumber", "name", "currencyCode", "balanceDue", "currentAmount",
        "period1Label", "period1Amount", "period2Label", "period2Amount", "period3Label", "period3Amount",
        "agedAsOfDate", "periodLengthFilter",
    ]  # fmt: skip
    assert [(r["customerId"], r["name"], r["balanceDue"]) for r in rows[:-1]] == [
        (c["id"], c["displayName"], c["customerFinancialDetail"]["balance"]) for c in customers
    ]
    total = rows[-1]
    assert (total["customerId"], total["customerNumber"], total["name"], total["currencyCode"]) == (
        BLANK,
        "",
        "Total",
        "",
    )
    assert total["balanceDue"] != 0
    for column in ("balanceDue", *PERIODS):
        assert total[column] == pytest.approx(sum(r[column] for r in rows[:-1]))
    overdue = sum(c["customerFinancialDetail"]["overdueAmount"] for c in customers)
    assert sum(total[column] for column in PERIODS[1:]) == pytest.approx(overdue)


def test_the_ageing_takes_a_date_and_a_length(books: Any) -> None:
    rows = value(
        books.get("agedAccountsReceivables?$filter=agedAsOfDate eq 2025-03-10 and periodLengthFilter eq '1M'")
    )

    assert {(r["agedAsOfDate"], r["periodLengthFilter"]) for r in rows} == {("2025-03-10", "1M")}
    assert [rows[0][f"period{n}Label"] for n in (1, 2, 3)] == [
        "2025-02-10-2025-03-10", "2025-01-10-2025-02-10", "-2025-01-10",
    ]  # fmt: skip
    assert rows[-1]["period1Label"] == ""


def test_the_ageing_of_one_customer(books: Any) -> None:
    rows = value(books.get("agedAccountsReceivables"))
    owed = next(r for r in rows if r["balanceDue"] and r["customerNumber"])
    customer = f"customers({owed['customerId']})"

    found = books.get(f"{customer}/agedAccountsReceivable").json()
    assert found.pop("@odata.context").endswith(f"/{customer}/agedAccountsReceivable/$entity")
    assert found == owed
    again = books.get(f"agedAccountsReceivables({owed['customerId']})").json()
    assert {**again, "@odata.context": ""} == {"@odata.context": "", **owed}
    back = books.get(f"agedAccountsReceivables({owed['customerId']})/customer").json()
    assert back["number"] == owed["customerNumber"]
    expanded = value(books.get("customers?$expand=agedAccountsReceivable"))
    assert [c["agedAccountsReceivable"] for c in expanded] == rows[:-1]
    expanded = value(books.get("customers?$top=1&$expand=agedAccountsReceivable($select=balanceDue)"))
    assert expanded[0]["agedAccountsReceivable"]["balanceDue"] == rows[0]["balanceDue"]
    assert books.get(f"agedAccountsReceivables({BLANK})").json()["name"] == "Total"
    assert books.get("agedAccountsReceivables(11111111-1111-1111-1111-111111111111)").status_code == 404


def test_options_work_on_reports(books: Any) -> None:
    rows = value(books.get("agedAccountsReceivables"))
    big = [r for r in rows if r["balanceDue"] > 0]
    at = "agedAccountsReceivables?$filter=balanceDue gt 0 and agedAsOfDate eq 2025-03-10&$orderby=balanceDue desc"
    answer = books.get(f"{at}&$select=name,balanceDue&$top=2&$skip=1&$count=true")

    assert answer.json()["@odata.count"] == len(big)
    ordered = sorted(big, key=lambda r: r["balanceDue"], reverse=True)
    assert [r["balanceDue"] for r in value(answer)] == [r["balanceDue"] for r in ordered[1:3]]
    assert set(value(answer)[0]) == {"@odata.etag", "name", "balanceDue"}
    assert books.get("agedAccountsReceivables/$count").text == str(len(rows))
    first = books.get("agedAccountsReceivables?$select=name", {"Prefer": "odata.maxpagesize=2"}).json()
    rest = books.get(first["@odata.nextLink"], {"Prefer": "odata.maxpagesize=1000"}).json()
    assert [r["name"] for r in first["value"] + rest["value"]] == [r["name"] for r in rows]


def test_a_tag_tells_whether_a_row_is_the_same(books: Any) -> None:
    rows = value(books.get("agedAccountsReceivables"))
    again = value(books.get("agedAccountsReceivables"))
    other = value(books.get("agedAccountsReceivables?$filter=agedAsOfDate eq 2024-01-01"))

    assert [r["@odata.etag"] for r in rows] == [r["@odata.etag"] for r in again]
    assert not {r["@odata.etag"] for r in rows} & {r["@odata.etag"] for r in other}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("agedAccountsReceivables?$filter=agedAsOfDate eq 2025-03-10 or agedAsOfDate eq 2025-03-11", "BadRequest"),
        ("agedAccountsReceivables?$filter=agedAsOfDate ge 2025-03-10", "BadRequest"),
        ("agedAccountsReceivables?$filter=agedAsOfDate eq 2025-03-10 and agedAsOfDate eq 2025-03-11", "BadRequest"),
        ("agedAccountsReceivables?$filter=periodLengthFilter eq 'soon'", "Application_EvaluateException"),
        ("agedAccountsReceivables?$filter=agedAsOfDate eq 0001-01-05", "Application_EvaluateException"),
        ("trialBalances?$filter=not (dateFilter eq 2025-03-10)", "BadRequest"),
        ("trialBalances?$filter=dateFilter ne 2025-03-10", "BadRequest"),
        ("customerSales?$filter=dateFilter_FilterOnly eq 2025-03-10 or totalSalesAmount gt 1", "BadRequest"),
        ("customerSales?$select=dateFilter_FilterOnly", "BadRequest"),
    ],
)
def test_inputs_that_make_no_report(books: Any, query: str, code: str) -> None:
    answer = books.get(query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize("name", ["agedAccountsReceivables", "trialBalances", "customerSales"])
@pytest.mark.parametrize("verb", ["POST", "PATCH", "DELETE", "PUT"])
def test_reports_are_read_only(books: Any, name: str, verb: str) -> None:
    key = "" if verb == "POST" or name == "customerSales" else f"({BLANK})"
    answer = books.request(verb, f"{name}{key}", json={}, headers={"If-Match": "*"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "BadRequest_MethodNotAllowed")


# --------------------------------------------------------------------------- trial balance


def test_the_trial_balance_is_even(books: Any) -> None:
    period = "dateFilter ge 2020-01-01 and dateFilter le 2099-12-31"
    rows = value(books.get(f"trialBalances?$filter={period}"))
    accounts = value(books.get("accounts"))

    assert list(rows[0]) == [
        "@odata.etag", "number", "accountId", "accountType", "display", "totalDebit", "totalCredit",
        "balanceAtDateDebit", "balanceAtDateCredit", "dateFilter",
    ]  # fmt: skip
    assert [(r["number"], r["accountId"], r["accountType"], r["display"]) for r in rows] == [
        (a["number"], a["id"], a["accountType"], a["displayName"]) for a in accounts
    ]
    posting = [r for r in rows if r["accountType"] == "Posting"]
    assert sum(float(r["totalDebit"]) for r in posting) > 0
    for debit, credit in (("totalDebit", "totalCredit"), ("balanceAtDateDebit", "balanceAtDateCredit")):
        assert sum(float(r[debit]) for r in posting) == pytest.approx(sum(float(r[credit]) for r in posting))
    for row, account in zip(rows, accounts, strict=True):
        amounts = [row[n] for n in ("totalDebit", "totalCredit", "balanceAtDateDebit", "balanceAtDateCredit")]
        if row["accountType"] in ("Heading", "Begin_x002D_Total"):
            assert amounts == ["", "", "", ""]
        else:
            assert all(re.fullmatch(r"\d+\.\d\d", a) for a in amounts), row
            assert float(amounts[2]) - float(amounts[3]) == pytest.approx(account["netChange"])
    assert {r["dateFilter"] for r in rows} == {"2099-12-31"}


def test_the_trial_balance_of_one_account(books: Any) -> None:
    account = value(books.get("accounts?$filter=number eq '1399'"))[0]
    rows = value(books.get("trialBalances?$filter=number eq '1399'"))

    assert [r["accountId"] for r in rows] == [account["id"]]
    assert rows[0]["dateFilter"] == datetime.now(UTC).date().isoformat()
    found = books.get(f"accounts({account['id']})/trialBalance").json()
    assert {**found, "@odata.context": ""} == {"@odata.context": "", **rows[0]}
    assert books.get(f"trialBalances({account['id']})/account").json()["number"] == "1399"
    expanded = value(books.get("accounts?$filter=number eq '1399'&$expand=trialBalance"))[0]
    assert float(expanded["trialBalance"]["balanceAtDateDebit"]) == pytest.approx(account["netChange"])


# --------------------------------------------------------------------------- sales by customer


def test_sales_by_customer(books: Any) -> None:
    answer = books.get("customerSales")
    rows = value(answer)
    details = value(books.get("customers?$expand=customerFinancialDetail"))

    assert [list(r) for r in rows] == [["customerId", "customerNumber", "name", "totalSalesAmount"]] * len(details)
    assert [(r["customerId"], r["name"]) for r in rows] == [(c["id"], c["displayName"]) for c in details]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for name in ("dateFilter_FilterOnly", "dateFilter"):
        sold = {
            r["customerId"]: r["totalSalesAmount"]
            for r in value(books.get(f"customerSales?$filter={name} le {yesterday}"))
        }
        assert sold
        assert {c["id"]: c["customerFinancialDetail"]["totalSalesExcludingTax"] for c in details} == {
            c["id"]: sold.get(c["id"], 0) for c in details
        }
    assert value(books.get("customerSales?$filter=dateFilter gt 2099-01-01")) == []
    some = value(books.get("customerSales?$filter=totalSalesAmount gt 0&$select=name,totalSalesAmount&$top=2"))
    assert all(set(r) == {"name", "totalSalesAmount"} for r in some)


def test_sales_are_a_query(books: Any, strict_books: Any) -> None:
    """No entity of its own, no order, no name without the suffix in strict mode."""
    row = value(books.get("customerSales?$top=1"))[0]
    one = books.get(f"customerSales({row['customerId']})")
    key = f"customerId={row['customerId']},customerNumber='{row['customerNumber']}',name='{row['name']}'"
    composite = books.get(f"customerSales({key})")
    ordered = books.get("customerSales?$orderby=totalSalesAmount")

    assert (one.status_code, composite.status_code) == (404, 404)
    assert (ordered.status_code, ordered.json()["error"]["code"]) == (501, "BadRequest_MethodNotImplemented")
    assert strict_books.get("customerSales?$filter=dateFilter le 2099-01-01").status_code == 400
    assert strict_books.get("customerSales?$filter=dateFilter_FilterOnly le 2099-01-01").status_code == 200


def test_what_is_posted_shows_at_once(books: Any) -> None:
    """A payment posted today reduces the ageing of its customer and moves the accounts."""
    before = value(books.get("agedAccountsReceivables?$filter=customerNumber eq '10400'"))[0]
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": "10400", "amount": -12.5, "documentNumber": "R1"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    assert books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post").status_code == 204

    after = value(books.get("agedAccountsReceivables?$filter=customerNumber eq '10400'"))[0]
    assert after["balanceDue"] == pytest.approx(before["balanceDue"] - 12.5)
    assert after["currentAmount"] == pytest.approx(before["currentAmount"] - 12.5)
    assert after["@odata.etag"] != before["@odata.etag"]
