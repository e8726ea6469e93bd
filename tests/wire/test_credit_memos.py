"""salesCreditMemos and their lines, and what cancels and corrects: as clients see them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from wire.conftest import Books

NOBODY = "11111111-1111-1111-1111-111111111111"
MEMO_PROPERTIES = [
    "id",
    "number",
    "externalDocumentNumber",
    "creditMemoDate",
    "postingDate",
    "dueDate",
    "customerId",
    "customerNumber",
    "customerName",
    "billToName",
    "billToCustomerId",
    "billToCustomerNumber",
    "sellToAddressLine1",
    "sellToAddressLine2",
    "sellToCity",
    "sellToCountry",
    "sellToState",
    "sellToPostCode",
    "billToAddressLine1",
    "billToAddressLine2",
    "billToCity",
    "billToCountry",
    "billToState",
    "billToPostCode",
    "shortcutDimension1Code",
    "shortcutDimension2Code",
    "currencyId",
    "currencyCode",
    "paymentTermsId",
    "shipmentMethodId",
    "salesperson",
    "pricesIncludeTax",
    "discountAmount",
    "discountAppliedBeforeTax",
    "totalAmountExcludingTax",
    "totalTaxAmount",
    "totalAmountIncludingTax",
    "status",
    "lastModifiedDateTime",
    "invoiceId",
    "invoiceNumber",
    "phoneNumber",
    "email",
    "customerReturnReasonId",
]
LINE_PROPERTIES = [
    "id",
    "documentId",
    "sequence",
    "itemId",
    "accountId",
    "lineType",
    "lineObjectNumber",
    "description",
    "description2",
    "unitOfMeasureId",
    "unitOfMeasureCode",
    "unitPrice",
    "quantity",
    "discountAmount",
    "discountPercent",
    "discountAppliedBeforeTax",
    "amountExcludingTax",
    "taxCode",
    "taxPercent",
    "totalTaxAmount",
    "amountIncludingTax",
    "invoiceDiscountAllocation",
    "netAmount",
    "netTaxAmount",
    "netAmountIncludingTax",
    "shipmentDate",
    "itemVariantId",
    "locationId",
]
DIALOG = (400, "Application_DialogException")


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else ""


def ok(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def new_customer(books: Books, **more: Any) -> str:
    """The number of a fresh customer, who has terms of 30 days and no name that others share."""
    body = {"displayName": f"Memo {uuid.uuid4().hex[:8]}", **more}
    return str(ok(books.post("customers", body), 201)["number"])


def item_line(quantity: float = 1, price: float = 100, **more: Any) -> dict[str, Any]:
    return {"lineType": "Item", "lineObjectNumber": "1010", "quantity": quantity, "unitPrice": price, **more}


def draft_memo(books: Books, customer: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"customerNumber": customer, "salesCreditMemoLines": list(lines) or [item_line()], **more}
    return dict(ok(books.post("salesCreditMemos", body), 201))


def posted_invoice(books: Books, customer: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"customerNumber": customer, "salesInvoiceLines": list(lines) or [item_line()], **more}
    id = ok(books.post("salesInvoices", body), 201)["id"]
    ok(books.post(f"salesInvoices({id})/Microsoft.NAV.post"), 204)
    return dict(ok(books.get(f"salesInvoices({id})"), 200))


def memo(books: Books, id: str) -> dict[str, Any]:
    return dict(ok(books.get(f"salesCreditMemos({id})"), 200))


def invoice(books: Books, id: str) -> dict[str, Any]:
    return dict(ok(books.get(f"salesInvoices({id})"), 200))


def balance(books: Books, customer: str) -> float:
    found = ok(books.get(f"customerFinancialDetails?$filter=number eq '{customer}'"), 200)["value"]
    return float(found[0]["balance"])


def memos_of(books: Books, customer: str) -> list[dict[str, Any]]:
    return list(ok(books.get(f"salesCreditMemos?$filter=customerNumber eq '{customer}'"), 200)["value"])


# --------------------------------------------------------------------------- drafts


def test_a_draft_has_every_property_in_order(books: Books) -> None:
    customer = new_customer(books)
    made = draft_memo(books, customer, item_line(2, 50))

    assert [name for name in made if "@" not in name] == MEMO_PROPERTIES
    assert (made["customerNumber"], made["status"], made["invoiceNumber"]) == (customer, "Draft", "")
    assert (made["totalAmountExcludingTax"], made["totalAmountIncludingTax"]) == (100, made["totalTaxAmount"] + 100)
    (line,) = ok(books.get(f"salesCreditMemos({made['id']})/salesCreditMemoLines"), 200)["value"]
    assert [name for name in line if "@" not in name] == LINE_PROPERTIES
    assert (line["sequence"], line["documentId"], line["amountExcludingTax"]) == (10000, made["id"], 100)


def test_a_credit_memo_is_due_at_once_unless_its_terms_say_so(books: Books) -> None:
    terms = {
        calculates: ok(
            books.post(
                "paymentTerms",
                {
                    "code": uuid.uuid4().hex[:10],
                    "dueDateCalculation": "1M",
                    "calculateDiscountOnCreditMemos": calculates,
                },
            ),
            201,
        )["id"]
        for calculates in (False, True)
    }
    dates = {
        calculates: draft_memo(books, "10400", creditMemoDate="2026-03-31", paymentTermsId=id)["dueDate"]
        for calculates, id in terms.items()
    }

    assert dates == {False: "2026-03-31", True: "2026-04-30"}


def test_values_are_changed_and_cleared(books: Books) -> None:
    made = draft_memo(books, new_customer(books))
    sent = {
        "externalDocumentNumber": "RET-1",
        "billToCity": "Lund",
        "billToPostCode": "22100",
        "creditMemoDate": "2026-02-01",
        "discountAmount": 10,
        "invoiceNumber": "NOT-KNOWN",
        "customerReturnReasonId": "00000000-0000-0000-0000-000000000000",
    }
    changed = ok(books.patch(f"salesCreditMemos({made['id']})", sent), 200)

    assert {name: changed[name] for name in sent} == sent
    assert changed["totalAmountExcludingTax"] == 90
    assert changed["invoiceId"] == "00000000-0000-0000-0000-000000000000"
    cleared = ok(books.patch(f"salesCreditMemos({made['id']})", {"invoiceNumber": ""}), 200)
    assert cleared["invoiceNumber"] == ""


def test_invoice_id_and_number_name_each_other(books: Books) -> None:
    customer = new_customer(books)
    one, other = posted_invoice(books, customer), posted_invoice(books, customer)
    by_id = draft_memo(books, customer, invoiceId=one["id"])
    by_number = draft_memo(books, customer, invoiceNumber=one["number"])

    assert (by_id["invoiceNumber"], by_number["invoiceId"]) == (one["number"], one["id"])
    path = f"salesCreditMemos({by_id['id']})"
    assert ok(books.patch(path, {"invoiceNumber": other["number"]}), 200)["invoiceId"] == other["id"]
    disagreeing = books.patch(path, {"invoiceId": one["id"], "invoiceNumber": other["number"]})
    assert code_of(disagreeing) == DIALOG
    assert code_of(books.patch(path, {"invoiceId": NOBODY})) == DIALOG
    blank = "00000000-0000-0000-0000-000000000000"
    cleared = ok(books.patch(path, {"invoiceId": blank}), 200)
    assert (cleared["invoiceId"], cleared["invoiceNumber"]) == (blank, "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, DIALOG),
        ({"customerNumber": "NOBODY"}, DIALOG),
        ({"customerNumber": "10400", "customerId": NOBODY}, DIALOG),
        ({"customerNumber": "10400", "invoiceId": NOBODY}, DIALOG),
        ({"customerNumber": "10400", "currencyCode": "XXX"}, DIALOG),
        ({"customerNumber": "10400", "customerReturnReasonId": NOBODY}, DIALOG),
        ({"customerNumber": "10400", "number": "1"}, (400, "BadRequest_InvalidOperation")),
        ({"customerNumber": "10400", "status": "Open"}, (400, "BadRequest_InvalidOperation")),
        ({"customerNumber": "10400", "remainingAmount": 1}, (400, "BadRequest")),
        ({"customerNumber": "10400", "email": "x" * 81}, (400, "Application_StringExceededLength")),
    ],
)
def test_what_cannot_be_created(
    books: Books, strict_books: Books, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code_of(books.post("salesCreditMemos", body)) == expected
    assert code_of(strict_books.post("salesCreditMemos", body)) == expected


def test_drafts_are_deleted_with_their_lines(books: Books) -> None:
    made = draft_memo(books, new_customer(books))
    (line,) = ok(books.get(f"salesCreditMemos({made['id']})/salesCreditMemoLines"), 200)["value"]

    assert code_of(books.delete(f"salesCreditMemos({made['id']})", etag='W/"old"'))[0] in (400, 409)
    ok(books.delete(f"salesCreditMemos({made['id']})"), 204)
    assert code_of(books.get(f"salesCreditMemos({made['id']})")) == (404, "BadRequest_ResourceNotFound")
    assert code_of(books.get(f"salesCreditMemoLines({line['id']})")) == (404, "BadRequest_ResourceNotFound")


# --------------------------------------------------------------------------- lines


def test_lines_are_written_flat_and_through_the_parent(books: Books) -> None:
    made = draft_memo(books, new_customer(books))
    id = made["id"]
    flat = ok(books.post("salesCreditMemoLines", {"documentId": id, **item_line(3, 10)}), 201)
    deep = ok(books.post(f"salesCreditMemos({id})/salesCreditMemoLines", {"description": "With thanks"}), 201)

    assert (flat["sequence"], deep["sequence"], deep["lineType"]) == (20000, 30000, "Comment")
    listed = ok(books.get(f"salesCreditMemoLines?$filter=documentId eq {id}"), 200)["value"]
    assert [line["id"] for line in listed][1:] == [flat["id"], deep["id"]]
    changed = ok(books.patch(f"salesCreditMemoLines({flat['id']})", {"discountPercent": 50}), 200)
    assert (changed["discountAmount"], changed["amountExcludingTax"]) == (15, 15)
    assert memo(books, id)["totalAmountExcludingTax"] == 115
    ok(books.delete(f"salesCreditMemos({id})/salesCreditMemoLines({flat['id']})"), 204)
    assert memo(books, id)["totalAmountExcludingTax"] == 100


def test_lines_without_their_document_are_refused(books: Books, strict_books: Books) -> None:
    for each in (books, strict_books):
        draft_memo(each, "10400")
        assert code_of(each.get("salesCreditMemoLines")) == DIALOG
        assert code_of(each.post("salesCreditMemoLines", item_line())) == DIALOG
        assert code_of(each.post("salesCreditMemoLines", {"documentId": NOBODY, **item_line()})) == DIALOG


def test_an_invoice_is_no_credit_memo(books: Books) -> None:
    made = posted_invoice(books, new_customer(books))

    assert code_of(books.get(f"salesCreditMemos({made['id']})")) == (404, "BadRequest_ResourceNotFound")
    assert code_of(books.post("salesCreditMemoLines", {"documentId": made["id"], **item_line()})) == DIALOG


def test_dimensions_of_credit_memo_and_line(books: Books) -> None:
    value = ok(books.get("dimensionValues?$top=1"), 200)["value"][0]
    made = draft_memo(books, new_customer(books))
    line = ok(books.get(f"salesCreditMemos({made['id']})/salesCreditMemoLines"), 200)["value"][0]
    dimension = ok(books.get(f"dimensions({value['dimensionId']})"), 200)
    body = {"code": dimension["code"], "valueCode": value["code"]}
    owners = {
        "Sales_x0020_Credit_x0020_Memo": f"salesCreditMemos({made['id']})",
        "Sales_x0020_Credit_x0020_Memo_x0020_Line": f"salesCreditMemoLines({line['id']})",
    }
    for kind, owner in owners.items():
        added = ok(books.post(f"{owner}/dimensionSetLines", body), 201)
        assert (added["parentType"], added["valueCode"]) == (kind, value["code"])
        expanded = ok(books.get(f"{owner}?$expand=dimensionSetLines"), 200)["dimensionSetLines"]
        assert [each["code"] for each in expanded] == [dimension["code"]]
    ok(books.post(f"salesCreditMemos({made['id']})/Microsoft.NAV.post"), 204)
    assert code_of(books.post(f"salesCreditMemos({made['id']})/dimensionSetLines", body)) == DIALOG


def test_ways_from_credit_memo_to_others_and_back(books: Books) -> None:
    made = draft_memo(books, "10400")
    wanted = "customer,paymentTerm,salesCreditMemoLines($expand=item,unitOfMeasure)"
    shown = ok(books.get(f"salesCreditMemos({made['id']})?$expand={wanted}"), 200)

    assert shown["customer"]["number"] == "10400"
    assert shown["paymentTerm"]["id"] == made["paymentTermsId"]
    (line,) = shown["salesCreditMemoLines"]
    assert (line["item"]["number"], line["unitOfMeasure"]["code"]) == ("1010", line["unitOfMeasureCode"])
    back = ok(books.get(f"salesCreditMemoLines({line['id']})/salesCreditMemo"), 200)
    assert back["id"] == made["id"]


# --------------------------------------------------------------------------- post


def test_posting_credits_the_customer(books: Books) -> None:
    customer = new_customer(books)
    draft = draft_memo(books, customer, item_line(2, 100))
    ok(books.post(f"salesCreditMemos({draft['id']})/Microsoft.NAV.POST"), 204)
    posted = memo(books, draft["id"])

    total = draft["totalAmountIncludingTax"]
    assert (posted["status"], posted["totalAmountIncludingTax"]) == ("Open", total)
    assert posted["number"] != draft["number"]
    assert balance(books, customer) == -total
    number = posted["number"]
    entries = ok(books.get(f"generalLedgerEntries?$filter=documentNumber eq '{number}'"), 200)["value"]
    assert {entry["documentType"] for entry in entries} == {"Credit_x0020_Memo"}
    debit = sum(entry["debitAmount"] for entry in entries)
    assert debit == sum(entry["creditAmount"] for entry in entries) == total
    returns = [entry for entry in entries if entry["debitAmount"] == 200]
    assert [entry["description"] for entry in returns] == [f"Credit Memo {draft['number']}"]


def test_the_invoice_that_is_corrected_takes_it_up(books: Books) -> None:
    """The rest of the invoice shrinks; it stays Open. The credit memo is closed, so it counts as Paid."""
    customer = new_customer(books)
    sold = posted_invoice(books, customer, item_line(5, 100))
    given = draft_memo(books, customer, item_line(2, 100), invoiceId=sold["id"])
    ok(books.post(f"salesCreditMemos({given['id']})/Microsoft.NAV.post"), 204)

    rest = sold["totalAmountIncludingTax"] - given["totalAmountIncludingTax"]
    after = invoice(books, sold["id"])
    assert (after["status"], after["remainingAmount"]) == ("Open", pytest.approx(rest))
    assert after["@odata.etag"] != sold["@odata.etag"]
    posted = memo(books, given["id"])
    assert (posted["status"], posted["invoiceId"], posted["invoiceNumber"]) == ("Paid", sold["id"], sold["number"])
    assert balance(books, customer) == pytest.approx(rest)


def test_credited_in_full_by_hand_is_paid(books: Books) -> None:
    customer = new_customer(books)
    sold = posted_invoice(books, customer)
    given = draft_memo(books, customer, invoiceNumber=sold["number"])
    ok(books.post(f"salesCreditMemos({given['id']})/Microsoft.NAV.post"), 204)

    assert (invoice(books, sold["id"])["status"], invoice(books, sold["id"])["remainingAmount"]) == ("Paid", 0)
    assert memo(books, given["id"])["status"] == "Paid"


def test_a_credit_memo_on_account_stays_open(books: Books) -> None:
    """The customer pays the invoice in full all the same; both sides of the balance are shown."""
    customer = new_customer(books)
    given = draft_memo(books, customer)
    ok(books.post(f"salesCreditMemos({given['id']})/Microsoft.NAV.post"), 204)
    sold = posted_invoice(books, customer, item_line(3, 100))
    journal = books.new_journal(balanced=True)
    paid = {
        "customerNumber": customer,
        "amount": -sold["totalAmountIncludingTax"],
        "appliesToInvoiceNumber": sold["number"],
        "documentNumber": "REF1",
    }
    ok(books.post(f"customerPaymentJournals({journal})/customerPayments", paid), 201)
    ok(books.post(f"journals({journal})/Microsoft.NAV.post"), 204)

    assert invoice(books, sold["id"])["status"] == "Paid"
    assert memo(books, given["id"])["status"] == "Open"
    assert balance(books, customer) == -given["totalAmountIncludingTax"]


def test_what_cannot_be_posted(books: Books) -> None:
    customer = new_customer(books)
    post = "salesCreditMemos({})/Microsoft.NAV.post"
    empty = ok(books.post("salesCreditMemos", {"customerNumber": customer}), 201)["id"]
    no_quantity = draft_memo(books, customer, item_line(0))["id"]
    negative = draft_memo(books, customer, item_line(-1))["id"]
    foreign = posted_invoice(books, new_customer(books))
    not_theirs = draft_memo(books, customer, invoiceId=foreign["id"])["id"]
    posted = draft_memo(books, customer)["id"]
    ok(books.post(post.format(posted)), 204)

    assert code_of(books.post(post.format(empty))) == DIALOG
    assert code_of(books.post(post.format(no_quantity))) == DIALOG
    assert code_of(books.post(post.format(negative))) == DIALOG
    assert code_of(books.post(post.format(not_theirs))) == (400, "Internal_DataNotFoundFilter")
    assert code_of(books.post(post.format(posted))) == DIALOG
    assert code_of(books.post(post.format(NOBODY))) == (404, "BadRequest_ResourceNotFound")
    assert memo(books, not_theirs)["status"] == "Draft"


def test_a_customer_blocked_for_invoices_can_still_be_credited(books: Books) -> None:
    customer = new_customer(books)
    id = ok(books.get(f"customers?$filter=number eq '{customer}'"), 200)["value"][0]["id"]
    draft = draft_memo(books, customer)["id"]
    ok(books.patch(f"customers({id})", {"blocked": "Invoice"}), 200)
    ok(books.post(f"salesCreditMemos({draft})/Microsoft.NAV.post"), 204)
    other = draft_memo(books, customer)["id"]
    ok(books.patch(f"customers({id})", {"blocked": "All"}), 200)

    assert code_of(books.post(f"salesCreditMemos({other})/Microsoft.NAV.post")) == DIALOG
    assert code_of(books.post("salesCreditMemos", {"customerNumber": customer})) == DIALOG


def test_who_has_credit_memos_is_not_deleted(books: Books) -> None:
    customer = new_customer(books)
    made = draft_memo(books, customer)

    assert code_of(books.delete(f"customers({made['customerId']})")) == DIALOG
    ok(books.delete(f"salesCreditMemos({made['id']})"), 204)
    ok(books.delete(f"customers({made['customerId']})"), 204)


def test_a_posted_credit_memo_is_final(books: Books) -> None:
    made = draft_memo(books, new_customer(books))
    id = made["id"]
    line = ok(books.get(f"salesCreditMemos({id})/salesCreditMemoLines"), 200)["value"][0]["id"]
    ok(books.post(f"salesCreditMemos({id})/Microsoft.NAV.post"), 204)

    assert code_of(books.patch(f"salesCreditMemos({id})", {"dueDate": "2026-12-31"})) == DIALOG
    assert code_of(books.patch(f"salesCreditMemoLines({line})", {"quantity": 2})) == DIALOG
    assert code_of(books.post("salesCreditMemoLines", {"documentId": id, **item_line()})) == DIALOG
    assert code_of(books.delete(f"salesCreditMemoLines({line})")) == DIALOG
    assert code_of(books.delete(f"salesCreditMemos({id})")) == DIALOG


def test_tags_protect_credit_memos(books: Books) -> None:
    made = draft_memo(books, new_customer(books))
    path = f"salesCreditMemos({made['id']})"
    changed = ok(books.patch(path, {"email": "a@example.com"}, etag=made["@odata.etag"]), 200)

    assert code_of(books.patch(path, {"email": "b@example.com"}, etag=made["@odata.etag"])) == (
        409,
        "Request_EntityChanged",
    )
    assert code_of(books.patch(path, {"email": "b@example.com"}, etag=None)) == (400, "BadRequest_InvalidToken")
    stale = books.post(f"{path}/Microsoft.NAV.post", headers={"If-Match": made["@odata.etag"]})
    assert code_of(stale) == (409, "Request_EntityChanged")
    ok(books.post(f"{path}/Microsoft.NAV.post", headers={"If-Match": changed["@odata.etag"]}), 204)


# --------------------------------------------------------------------------- cancel


def test_cancelling_an_invoice(books: Books, strict_books: Books) -> None:
    """A credit memo of today over the same lines closes it; both say so."""
    for each in (books, strict_books):
        customer = new_customer(each)
        lines = (item_line(3, 33.33, discountPercent=10), {"description": "A remark"}, item_line(2, 19.99))
        sold = posted_invoice(each, customer, *lines, discountAmount=7, externalDocumentNumber="PO-7")
        ok(each.post(f"salesInvoices({sold['id']})/Microsoft.NAV.cancel"), 204)

        after = invoice(each, sold["id"])
        assert (after["status"], after["remainingAmount"], after["number"]) == ("Canceled", 0, sold["number"])
        (made,) = memos_of(each, customer)
        assert (made["status"], made["invoiceId"], made["invoiceNumber"]) == (
            "Corrective",
            sold["id"],
            sold["number"],
        )
        same = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax", "discountAmount",
                "externalDocumentNumber", "currencyCode", "customerName")  # fmt: skip
        assert [made[name] for name in same] == [sold[name] for name in same]
        theirs = ok(each.get(f"salesInvoices({sold['id']})/salesInvoiceLines"), 200)["value"]
        ours = ok(each.get(f"salesCreditMemos({made['id']})/salesCreditMemoLines"), 200)["value"]
        left_out = {"id", "documentId", "@odata.etag"}
        assert [{k: v for k, v in line.items() if k not in left_out} for line in ours] == [
            {k: line[k] for k in our if k not in left_out} for line, our in zip(theirs, ours, strict=True)
        ]
        assert balance(each, customer) == 0
        assert code_of(each.post(f"salesInvoices({sold['id']})/Microsoft.NAV.cancel")) == DIALOG


def test_cancelling_the_credit_memo_opens_the_invoice_again(books: Books) -> None:
    customer = new_customer(books)
    sold = posted_invoice(books, customer)
    total = sold["totalAmountIncludingTax"]
    ok(books.post(f"salesInvoices({sold['id']})/Microsoft.NAV.cancel"), 204)
    (given,) = memos_of(books, customer)
    ok(books.post(f"salesCreditMemos({given['id']})/Microsoft.NAV.cancel"), 204)

    assert memo(books, given["id"])["status"] == "Canceled"
    assert (invoice(books, sold["id"])["status"], invoice(books, sold["id"])["remainingAmount"]) == ("Open", total)
    found = ok(books.get(f"salesInvoices?$filter=customerNumber eq '{customer}'"), 200)["value"]
    (corrective,) = (each for each in found if each["id"] != sold["id"])
    assert (corrective["status"], corrective["remainingAmount"]) == ("Corrective", 0)
    assert corrective["totalAmountIncludingTax"] == total
    remark, line = ok(books.get(f"salesInvoices({corrective['id']})/salesInvoiceLines"), 200)["value"]
    assert (remark["lineType"], given["number"] in remark["description"]) == ("Comment", True)
    assert line["quantity"] == 1
    assert balance(books, customer) == total
    assert code_of(books.post(f"salesCreditMemos({given['id']})/Microsoft.NAV.cancel")) == DIALOG
    assert code_of(books.post(f"salesInvoices({corrective['id']})/Microsoft.NAV.cancel")) == DIALOG
    ok(books.post(f"salesInvoices({sold['id']})/Microsoft.NAV.cancel"), 204)
    assert balance(books, customer) == 0


def test_what_cannot_be_cancelled(books: Books) -> None:
    customer = new_customer(books)
    cancel = "salesInvoices({})/Microsoft.NAV.cancel"
    draft = ok(books.post("salesInvoices", {"customerNumber": customer}), 201)["id"]
    credited = posted_invoice(books, customer, item_line(5, 100))
    part = draft_memo(books, customer, invoiceId=credited["id"])
    by_hand = draft_memo(books, customer)
    ok(books.post(f"salesCreditMemos({part['id']})/Microsoft.NAV.post"), 204)

    assert code_of(books.post(cancel.format(draft))) == DIALOG
    refused = books.post(cancel.format(credited["id"]))
    assert code_of(refused) == DIALOG
    assert "paid or credited" in refused.json()["error"]["message"]
    assert code_of(books.post(cancel.format(NOBODY))) == (404, "BadRequest_ResourceNotFound")
    memo_cancel = "salesCreditMemos({})/Microsoft.NAV.cancel"
    assert code_of(books.post(memo_cancel.format(by_hand["id"]))) == DIALOG
    refused = books.post(memo_cancel.format(part["id"]))
    assert code_of(refused) == DIALOG
    assert "did not cancel an invoice" in refused.json()["error"]["message"]


def test_a_corrective_credit_memo_starts_as_a_draft(books: Books) -> None:
    """It can be changed, and is applied to the invoice when it is posted; that cancels nothing."""
    customer = new_customer(books)
    sold = posted_invoice(books, customer, item_line(4, 25))
    answer = books.post(f"salesInvoices({sold['id']})/Microsoft.NAV.makeCorrectiveCreditMemo")
    ok(answer, 204)

    draft = ok(books.get(answer.headers["Location"]), 200)
    assert (draft["status"], draft["invoiceId"], draft["totalAmountIncludingTax"]) == (
        "Draft",
        sold["id"],
        sold["totalAmountIncludingTax"],
    )
    (line,) = ok(books.get(f"salesCreditMemos({draft['id']})/salesCreditMemoLines"), 200)["value"]
    ok(books.patch(f"salesCreditMemoLines({line['id']})", {"quantity": 1}), 200)
    ok(books.post(f"salesCreditMemos({draft['id']})/Microsoft.NAV.post"), 204)
    after = invoice(books, sold["id"])
    assert (after["status"], after["remainingAmount"]) == ("Open", pytest.approx(sold["remainingAmount"] * 0.75))
    again = books.post(f"salesInvoices({sold['id']})/Microsoft.NAV.makeCorrectiveCreditMemo")
    assert code_of(again) == DIALOG


def test_drafts_have_no_corrective_credit_memo(books: Books) -> None:
    draft = ok(books.post("salesInvoices", {"customerNumber": "10400"}), 201)["id"]

    assert code_of(books.post(f"salesInvoices({draft})/Microsoft.NAV.makeCorrectiveCreditMemo")) == DIALOG
    memo_id = draft_memo(books, "10400")["id"]
    absent = books.post(f"salesCreditMemos({memo_id})/Microsoft.NAV.makeCorrectiveCreditMemo")
    assert absent.status_code == 404
