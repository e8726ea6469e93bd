"""Decimals of currencies, the local currency's code, and customers who balance lines of a general journal."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("code", "places", "smallest"),
    [("JPY", "0:0", 1), ("KWD", "3:3", 0.001), ("SEK", "2:2", 0.01), ("XQX", "2:2", 0.01)],
)
def test_a_new_currency_has_the_decimals_of_iso_4217(
    fresh_books: Any, code: str, places: str, smallest: float
) -> None:
    answer = fresh_books.post("currencies", {"code": code})
    assert answer.status_code == 201, answer.text

    row = answer.json()
    assert (row["amountDecimalPlaces"], row["amountRoundingPrecision"]) == (places, smallest)


def test_what_the_client_says_of_a_currency_counts(fresh_books: Any) -> None:
    row = fresh_books.post(
        "currencies", {"code": "ISK", "amountDecimalPlaces": "2:2", "amountRoundingPrecision": 0.5}
    ).json()

    assert (row["amountDecimalPlaces"], row["amountRoundingPrecision"]) == ("2:2", 0.5)


@pytest.mark.parametrize("named", ["EUR", "", "USD"])
def test_documents_take_and_show_the_local_currency_s_code(books: Any, named: str) -> None:
    """A blank code and the local one are the same; in both, and in USD, amounts have two decimals."""
    line = {"lineType": "Item", "lineObjectNumber": "1020", "quantity": 3, "unitPrice": 0.335}
    answer = books.post(
        "salesInvoices", {"customerNumber": "10500", "currencyCode": named, "salesInvoiceLines": [line]}
    )
    assert answer.status_code == 201, answer.text

    invoice = answer.json()
    assert (invoice["currencyCode"], invoice["totalAmountExcludingTax"]) == (named or "EUR", 1.01)


def line(books: Any, journal: str, **body: Any) -> Any:
    given = {"accountType": "G_x002F_L_x0020_Account", "accountNumber": "6410", "amount": -25, **body}
    return books.post(f"journals({journal})/journalLines", given)


def test_amounts_of_journal_lines_are_rounded_to_the_currency(books: Any) -> None:
    """Half away from zero; nothing is refused for its decimals."""
    journal = books.post("journals", {"code": "ROUND"}).json()["id"]

    assert [line(books, journal, amount=a).json()["amount"] for a in (1.005, -1.005, 2.344)] == [1.01, -1.01, 2.34]


def test_a_customer_balances_a_line(books: Any) -> None:
    customer = books.post("customers", {"displayName": "Fee payer"}).json()
    journal = books.post("journals", {"code": "FEE"}).json()["id"]
    other = {"balanceAccountType": "Customer", "balancingAccountId": customer["id"], "documentNumber": "FEE7"}
    answer = line(books, journal, **other)
    assert answer.status_code == 201, answer.text
    assert answer.json()["balancingAccountNumber"] == customer["number"]
    assert books.post(f"journals({journal})/Microsoft.NAV.post").status_code == 204

    assert books.get(f"customers({customer['id']})").json()["balanceDue"] == 25


@pytest.mark.parametrize(
    "wrong",
    [
        {"balanceAccountType": "Vendor", "balancingAccountNumber": "10400"},
        {"balanceAccountType": "Customer", "balancingAccountNumber": "NOBODY"},
        {"accountType": "Customer", "accountNumber": "10400"},
    ],
)
def test_what_cannot_balance_a_line(books: Any, wrong: dict[str, str]) -> None:
    journal = books.get("journals").json()["value"][0]["id"]
    answer = line(books, journal, **wrong)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("Application_DialogException", "Internal_InvalidTableRelation")
