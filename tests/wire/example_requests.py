"""What the examples of the reference ask for: a body that creates, one that changes, and what must be there before.

Sets that are only read need no line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wire.conftest import Books

JSON = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """What is shown of one entity set.

    Args:
        list: the query of the list. What it shows is to be the same on every day.
        count: the query of the count.
        where: `$filter` that finds the entity shown; the first one without it.
        create, change: bodies of POST and PATCH.
        replace: body of PUT; without it, what the other two hold.
        below: (set, navigation): where the entities are found, for those that belong to others.
        parent: gives the id of what they are below, when entities are read.
        draft: gives the id of what they are below, when entities are written; `parent` without it.
        fixes: the property that names the parent; `kind`: the members that tell what it is, where a body needs them.
        before: makes what is read, where the demo company has none.
        content: a text for the stream property.
        actions: action -> gives the id of an entity that it can be run on.
    """

    list: str = "$top=2"
    count: str = ""
    where: str = ""
    create: JSON | Callable[[Books], JSON] | None = None
    change: JSON | None = None
    replace: Callable[[Books], JSON] | None = None
    below: tuple[str, str] | None = None
    parent: Callable[[Books], str] | None = None
    draft: Callable[[Books], str] | None = None
    fixes: str = ""
    kind: JSON = field(default_factory=dict)
    before: Callable[[Books], object] | None = None
    content: str = ""
    actions: Mapping[str, Callable[[Books], str]] = field(default_factory=dict)


def one(books: Books, of: str, where: str) -> str:
    """The id of the entity that a filter finds."""
    found = books.get(f"{of}?$filter={where}&$top=1&$select=id").json()["value"]
    assert found, f"{of} has none with {where}"
    return str(found[0]["id"])


def made(books: Books, path: str, body: JSON) -> str:
    """The id of a new entity."""
    answer = books.post(path, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def acted(books: Books, path: str) -> None:
    """Run an action."""
    answer = books.post(path)
    assert answer.status_code == 204, answer.text


LINE: JSON = {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 3, "unitPrice": 89}
MAIL = "accounts@eskildsen.example"


def invoice_draft(books: Books) -> str:
    return made(books, "salesInvoices", {"customerNumber": "10400", "email": MAIL, "salesInvoiceLines": [LINE]})


def invoice_without_region(books: Books) -> str:
    """A draft whose dimensions lack REGION."""
    id = invoice_draft(books)
    lines = f"salesInvoices({id})/dimensionSetLines"
    for line in books.get(lines).json()["value"]:
        if line["code"] == "REGION":
            assert books.delete(f"{lines}({line['id']})", "*").status_code == 204
    return id


def invoice_posted(books: Books) -> str:
    id = invoice_draft(books)
    acted(books, f"salesInvoices({id})/Microsoft.NAV.post")
    return id


def memo_draft(books: Books) -> str:
    return made(books, "salesCreditMemos", {"customerNumber": "10400", "email": MAIL, "salesCreditMemoLines": [LINE]})


def memo_posted(books: Books) -> str:
    id = memo_draft(books)
    acted(books, f"salesCreditMemos({id})/Microsoft.NAV.post")
    return id


def memo_that_cancels(books: Books) -> str:
    """The credit memo of an invoice that was cancelled; only such a one can be cancelled itself."""
    invoice = invoice_posted(books)
    acted(books, f"salesInvoices({invoice})/Microsoft.NAV.cancel")
    return one(books, "salesCreditMemos", f"invoiceId eq {invoice}")


def payment_journal(books: Books) -> str:
    """A payment journal that is not empty."""
    id = one(books, "customerPaymentJournals", "code eq 'LOCKBOX'")
    if not books.get(f"customerPaymentJournals({id})/customerPayments").json()["value"]:
        payment(books, id)
    return id


def payment(books: Books, journal: str) -> str:
    body = {"customerNumber": "10400", "amount": -250, "documentNumber": "BANK-0815", "description": "Transfer"}
    return made(books, f"customerPaymentJournals({journal})/customerPayments", body)


def journal_lines(books: Books) -> str:
    """The general journal, with a line."""
    id = one(books, "journals", "code eq 'DEFAULT'")
    if not books.get(f"journals({id})/journalLines").json()["value"]:
        made(books, f"journals({id})/journalLines", {**JOURNAL_LINE, "documentNumber": "G-0001"})
    return id


JOURNAL_LINE: JSON = {
    "accountType": "G_x002F_L_x0020_Account",
    "accountNumber": "6110",
    "documentNumber": "G-0002",
    "amount": 120,
    "description": "Freight",
    "balanceAccountType": "G_x002F_L_x0020_Account",
    "balancingAccountNumber": "1210",
}


def invoice_of_the_demo(books: Books) -> str:
    return one(books, "salesInvoices", "number eq '100000'")


def a_default_dimension(books: Books) -> JSON:
    dimension = one(books, "dimensions", "code eq 'REGION'")
    return {
        "parentType": "Item",
        "parentId": one(books, "items", "number eq '1000'"),
        "dimensionId": dimension,
        "dimensionValueId": one(books, "dimensionValues", f"dimensionId eq {dimension} and code eq 'NORTH'"),
        "postingValidation": "Code_x0020_Mandatory",
    }


def a_renamed_contact(books: Books) -> JSON:
    customer = one(books, "customers", "number eq '10000'")
    return {"firstName": "Petra", "lastName": "Ahlgren-Voss", "customerId": customer}


NOTE = "Four boxes, received in good order."


def with_note(books: Books, of: str, **properties: Any) -> str:
    """A file with a content."""
    id = made(books, of, {"fileName": "delivery note.txt", **properties})
    below = of.rpartition("/")[2]
    headers = {"Content-Type": "text/plain", "If-Match": "*"}
    answer = books.request("PATCH", f"{below}({id})/attachmentContent", data=NOTE, headers=headers)
    assert answer.status_code == 204, answer.text
    return id


def invoice_with_note(books: Books) -> str:
    """An invoice with a file beside it."""
    id = invoice_of_the_demo(books)
    if not books.get(f"salesInvoices({id})/attachments").json()["value"]:
        with_note(books, f"salesInvoices({id})/attachments")
    return id


def a_document_attachment(books: Books) -> JSON:
    customer = one(books, "customers", "number eq '10400'")
    return {"fileName": "contract.txt", "parentType": "Customer", "parentId": customer}


def coded(code: str, name: str, later: str, **more: Any) -> Example:
    """A set of which little more than code and name is shown."""
    return Example(create={"code": code, "displayName": name, **more}, change={"displayName": later})


EXAMPLES: Mapping[str, Example] = {
    "items": Example(
        list="$filter=unitPrice gt 50&$orderby=number&$top=2&$select=number,displayName,unitPrice,inventory",
        create={
            "displayName": "Tent Fjord, 2 persons",
            "type": "Inventory",
            "itemCategoryCode": "GOODS",
            "baseUnitOfMeasureCode": "PCS",
            "generalProductPostingGroupCode": "GOODS",
            "unitPrice": 349,
            "unitCost": 180.5,
        },
        change={"unitPrice": 329},
    ),
    "unitsOfMeasure": coded("PALLET", "Pallet", "Euro pallet", internationalStandardCode="PX"),
    "defaultDimensions": Example(create=a_default_dimension, change={"postingValidation": "Same_x0020_Code"}),
    "customers": Example(
        list="$filter=startswith(number,'10') and balanceDue ge 0&$orderby=displayName&$top=2"
        "&$select=number,displayName,city,balanceDue",
        where="number eq '10400'",
        create={
            "displayName": "Nordwind Kiosk",
            "type": "Company",
            "addressLine1": "Kaistrasse 3",
            "city": "Kiel",
            "postalCode": "24103",
            "country": "DE",
            "email": "invoices@nordwind.example",
            "creditLimit": 2500,
        },
        change={"phoneNumber": "+49 431 5550177", "creditLimit": 4000},
    ),
    "customerFinancialDetails": Example(where="number eq '10400'"),
    "contactsInformation": Example(
        list="",
        below=("customers", "contactsInformation"),
        parent=lambda books: one(books, "customers", "number eq '10000'"),
        fixes="relatedId",
    ),
    "contacts": Example(
        create={"type": "Person", "displayName": "Maja Holm", "email": "maja.holm@example.org"},
        change={"jobTitle": "Bookkeeper"},
    ),
    "companyInformation": Example(list="", change={"phoneNumber": "+49 431 5550101"}),
    "salesInvoices": Example(
        list="$filter=status eq 'Open' and remainingAmount gt 0&$orderby=dueDate,number&$top=2"
        "&$select=number,customerName,dueDate,remainingAmount",
        where="number eq '100000'",
        create={"customerNumber": "10400", "customerPurchaseOrderReference": "PO-4711", "salesInvoiceLines": [LINE]},
        change={"externalDocumentNumber": "WEB-2088"},
        actions={
            "post": invoice_draft,
            "postAndSend": invoice_draft,
            "send": invoice_posted,
            "cancel": invoice_posted,
            "cancelAndSend": invoice_posted,
            "makeCorrectiveCreditMemo": invoice_posted,
        },
    ),
    "salesInvoiceLines": Example(
        list="$select=sequence,lineType,lineObjectNumber,quantity,unitPrice,netAmount",
        create=LINE,
        change={"quantity": 4, "discountPercent": 5},
        below=("salesInvoices", "salesInvoiceLines"),
        parent=invoice_of_the_demo,
        draft=invoice_draft,
        fixes="documentId",
    ),
    "dimensionSetLines": Example(
        list="",
        create={"code": "REGION", "valueCode": "NORTH"},
        change={"valueCode": "SOUTH"},
        below=("salesInvoices", "dimensionSetLines"),
        parent=invoice_of_the_demo,
        draft=invoice_without_region,
        fixes="parentId",
    ),
    "attachments": Example(
        list="$select=fileName,byteSize,parentType",
        create={"fileName": "delivery note.txt"},
        change={"fileName": "delivery note, signed.txt"},
        below=("salesInvoices", "attachments"),
        parent=invoice_with_note,
        fixes="parentId",
        kind={"parentType": "Sales_x0020_Invoice"},
        content=NOTE,
    ),
    "documentAttachments": Example(
        create=a_document_attachment,
        change={"fileName": "contract, signed.txt"},
        before=lambda books: with_note(books, "documentAttachments", **a_document_attachment(books)),
        content=NOTE,
    ),
    "pdfDocument": Example(
        list="", below=("salesInvoices", "pdfDocument"), parent=invoice_of_the_demo, fixes="parentId"
    ),
    "salesCreditMemos": Example(
        list="$orderby=number&$top=1&$select=number,customerName,creditMemoDate,totalAmountIncludingTax,status",
        create={"customerNumber": "10400", "salesCreditMemoLines": [LINE]},
        change={"externalDocumentNumber": "RET-31"},
        actions={
            "post": memo_draft,
            "postAndSend": memo_draft,
            "send": memo_posted,
            "cancel": memo_that_cancels,
            "cancelAndSend": memo_that_cancels,
        },
    ),
    "salesCreditMemoLines": Example(
        list="$select=sequence,lineType,lineObjectNumber,quantity,unitPrice,netAmount",
        create=LINE,
        change={"quantity": 1},
        below=("salesCreditMemos", "salesCreditMemoLines"),
        parent=lambda books: one(books, "salesCreditMemos", "number ne ''"),
        draft=memo_draft,
        fixes="documentId",
    ),
    "customerPaymentJournals": Example(
        where="code eq 'LOCKBOX'",
        create={"code": "CARDS", "displayName": "Card payments"},
        change={"displayName": "Payments by card"},
        actions={"preview": payment_journal, "post": payment_journal},
    ),
    "customerPayments": Example(
        list="$top=2&$select=customerNumber,documentNumber,amount,appliesToInvoiceNumber",
        create={
            "customerNumber": "10400",
            "amount": -150.5,
            "documentNumber": "BANK-0816",
            "appliesToInvoiceNumber": "100000",
        },
        change={"amount": -160, "description": "Transfer of March"},
        below=("customerPaymentJournals", "customerPayments"),
        parent=payment_journal,
        fixes="journalId",
    ),
    "taxGroups": coded("ZERO", "Zero rate", "Zero-rated goods"),
    "journals": Example(
        create={"code": "RENT", "displayName": "Rent"},
        change={"displayName": "Rent and leases"},
        actions={"post": journal_lines},
    ),
    "journalLines": Example(
        list="$select=accountNumber,documentNumber,amount,description",
        create=JOURNAL_LINE,
        change={"amount": 132.5},
        below=("journals", "journalLines"),
        parent=journal_lines,
        fixes="journalId",
    ),
    "generalLedgerEntries": Example(
        list="$filter=documentNumber eq '100000'&$orderby=entryNumber&$top=2"
        "&$select=entryNumber,postingDate,accountNumber,debitAmount,creditAmount"
    ),
    "accounts": Example(
        list="$filter=directPosting eq true&$orderby=number&$top=2&$select=number,displayName,category",
        where="number eq '3110'",
    ),
    "currencies": coded("CHF", "Swiss francs", "Swiss franc", symbol="Fr."),
    "paymentMethods": coded("DEBIT", "Direct debit", "SEPA direct debit"),
    "paymentTerms": Example(
        create={
            "code": "30D2",
            "displayName": "30 days, 2 % within 10 days",
            "dueDateCalculation": "30D",
            "discountDateCalculation": "10D",
            "discountPercent": 2,
        },
        change={"discountPercent": 3},
    ),
    "shipmentMethods": coded("RAIL", "By rail", "By train"),
    "itemCategories": coded("TENTS", "Tents", "Tents and tarps"),
    "countriesRegions": coded("FO", "Faroe Islands", "Faroes"),
    "taxAreas": coded("EXPORT", "Export", "Outside the union"),
    "bankAccounts": Example(
        create={"number": "SAVINGS", "displayName": "Savings account", "iban": "DE02120300000000202051"},
        change={"displayName": "Reserve account"},
    ),
    "salespeoplePurchasers": coded("AK", "Anna Krogh", "Anna Krogh-Lund", email="anna.krogh@fernweh.example"),
    "accountingPeriods": Example(count="$filter=startingDate lt 2016-01-01"),
    "disputeStatus": coded("DELIVERY", "Not delivered", "Delivered late or not at all"),
    "customerContacts": Example(
        where="firstName eq 'Petra'",
        change={"professionalTitle": "Managing director"},
        replace=a_renamed_contact,
    ),
}
