"""customers: who owes. Source: BCApps APIV2Customers.Page.al, Customer.Table.al.

A customer can get another number. Open journal lines, drafts of invoices and ledger entries follow; a posted invoice
is a document that the customer holds, so it keeps the number it was posted with. All of them point here by id.
`balanceDue` is the whole open balance, due or not, with amounts of different currencies simply added, as there.
"""

from typing import Any

from debitor.entities.master import Copy, Part, Use, editable, refuse
from debitor.ledger.records import (
    AccountType,
    ContactType,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    DefaultDimension,
    DetailedEntry,
    JournalLine,
    PaymentMethod,
    PaymentTerm,
    SalesCreditMemo,
    SalesInvoice,
    Salesperson,
)
from debitor.operations.attachments import remove_of
from debitor.operations.customer_contacts import follow
from debitor.operations.master_records import BusinessRelation, Contact, CountryRegion, ShipmentMethod, TaxArea
from debitor.operations.payments import setup_of
from debitor.schema import (
    BLANK_GUID,
    BOOL,
    DATETIME,
    DECIMAL,
    GUID,
    Act,
    Col,
    Context,
    EntitySet,
    FirstOf,
    Lookup,
    Navigation,
    Property,
    Sum,
    code,
    enum,
    text,
)

_LINES = {"account_type": AccountType.CUSTOMER}
_DRAFTS = {"posted": False}


def _check(act: Act, row: Customer | None, columns: dict[str, Any]) -> None:
    """A customer has a name; a new one gets the company's posting group."""
    if not columns.get("display_name", row.display_name if row else ""):
        raise refuse("displayName must not be blank: send the customer's name.")
    if columns.get("credit_limit", 0) < 0:
        raise refuse(f"creditLimit must not be negative, but is {columns['credit_limit']}.")
    if row is None:
        columns.setdefault("customer_posting_group", setup_of(act.tx).default_customer_posting_group)


def _release(act: Act, row: Customer) -> None:
    """The contacts of a deleted customer stay, as contacts of nobody; its files go."""
    act.tx.update_where(
        Contact, {"customer_id": BLANK_GUID, "business_relation": BusinessRelation.NONE}, customer_id=row.id
    )
    remove_of(act.tx, [row.id])


CUSTOMERS = editable(
    EntitySet(
        name="customers",
        entity="customer",
        record=Customer,
        order=("number",),
        lookups={
            "country_region": Lookup(CountryRegion, via="country", by="code"),
            "salesperson": Lookup(Salesperson, via="salesperson_code", by="code"),
            "tax_area": Lookup(TaxArea, via="tax_area_id"),
            "currency": Lookup(Currency, via="currency_code", by="code"),
            "payment_terms": Lookup(PaymentTerm, via="payment_terms_id"),
            "shipment_method": Lookup(ShipmentMethod, via="shipment_method_id"),
            "payment_method": Lookup(PaymentMethod, via="payment_method_id"),
        },
        properties=(
            Property("id", GUID, "id", editable=False, nullable=False),
            Property("number", code(20), "number"),
            Property("displayName", text(100), "display_name", nullable=False),
            Property("type", enum(ContactType), "type"),
            Property("addressLine1", text(100), "address_line_1"),
            Property("addressLine2", text(50), "address_line_2"),
            Property("city", text(30), "city"),
            Property("state", text(30), "state"),
            Property("country", code(10), "country"),
            Property("postalCode", code(20), "postal_code"),
            Property("phoneNumber", text(30), "phone_number"),
            Property("email", text(80), "email"),
            Property("website", text(255), "website"),
            Property("salespersonCode", code(20), "salesperson_code"),
            Property(
                "balanceDue",
                DECIMAL,
                Sum(CustomerLedgerEntry, "remaining_amount", on={"customer_id": "id"}, where={"open": True}),
                editable=False,
            ),
            Property("creditLimit", DECIMAL, "credit_limit"),
            Property("taxLiable", BOOL, "tax_liable"),
            Property("taxAreaId", GUID, "tax_area_id"),
            Property("taxAreaDisplayName", text(), "tax_area.display_name", editable=False),
            Property("taxRegistrationNumber", text(), "tax_registration_number", limit=50),
            Property("currencyId", GUID, "currency.id"),
            Property(
                "currencyCode",
                code(None),
                FirstOf((Col("currency_code"), Context("local_currency_code"))),
                limit=10,
            ),
            Property("paymentTermsId", GUID, "payment_terms_id"),
            Property("shipmentMethodId", GUID, "shipment_method_id"),
            Property("paymentMethodId", GUID, "payment_method_id"),
            Property("blocked", enum(CustomerBlocked), "blocked"),
            Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
        ),
        navigations=(
            Navigation("currency", "currencies", many=False, on=(("currencyId", "id"),)),
            Navigation("paymentTerm", "paymentTerms", many=False, on=(("paymentTermsId", "id"),)),
            Navigation("shipmentMethod", "shipmentMethods", many=False, on=(("shipmentMethodId", "id"),)),
            Navigation("paymentMethod", "paymentMethods", many=False, on=(("paymentMethodId", "id"),)),
            Navigation(
                "customerFinancialDetail",
                "customerFinancialDetails",
                many=False,
                on=(("id", "id"),),
                kind="part",
                partner="customer",
            ),
            Navigation("picture", "pictures", many=False, on=(("id", "id"),), kind="part", partner="customer"),
            Navigation(
                "defaultDimensions",
                "defaultDimensions",
                many=True,
                on=(("id", "parentId"),),
                kind="part",
                partner="customer",
                constant={"parentType": "Customer"},
                deep=True,
            ),
            Navigation(
                "agedAccountsReceivable",
                "agedAccountsReceivables",
                many=False,
                on=(("id", "customerId"),),
                kind="part",
                partner="customer",
            ),
            Navigation(
                "contactsInformation",
                "contactsInformation",
                many=True,
                on=(("id", "relatedId"),),
                kind="part",
                partner="customer",
                constant={"relatedType": "Customer"},
            ),
            Navigation(
                "documentAttachments",
                "documentAttachments",
                many=True,
                on=(("id", "parentId"),),
                kind="part",
                partner="customer",
                constant={"parentType": "Customer"},
            ),
        ),
    ),
    numbers="customer_numbers",
    uses=(
        Use(CustomerLedgerEntry, "customer_id", "ledger entries"),
        Use(JournalLine, "account_id", "open journal lines", where=_LINES),
        Use(SalesInvoice, "customer_id", "sales invoices"),
        Use(SalesCreditMemo, "customer_id", "sales credit memos"),
        Use(SalesInvoice, "bill_to_customer_id", "sales invoices"),
        Use(SalesCreditMemo, "bill_to_customer_id", "sales credit memos"),
    ),
    copies=(
        Copy(JournalLine, "account_number", of="account_id", where=_LINES),
        Copy(SalesInvoice, "customer_number", of="customer_id", where=_DRAFTS),
        Copy(SalesCreditMemo, "customer_number", of="customer_id", where=_DRAFTS),
        Copy(SalesInvoice, "bill_to_customer_number", of="bill_to_customer_id", where=_DRAFTS),
        Copy(SalesCreditMemo, "bill_to_customer_number", of="bill_to_customer_id", where=_DRAFTS),
        Copy(CustomerLedgerEntry, "customer_number", of="customer_id"),
        Copy(DetailedEntry, "customer_number", of="customer_id"),
    ),
    parts=(Part(DefaultDimension, "parent_id"),),
    prepare=_check,
    before_remove=_release,
    after=follow,
)
