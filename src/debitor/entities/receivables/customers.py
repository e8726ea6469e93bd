"""customers: who owes; here with how their entries are applied and posted, and with the entries themselves."""

from typing import Any

from debitor.entities.customers import CUSTOMERS as V2
from debitor.entities.master import extended, refuse
from debitor.ledger.records import ApplicationMethod, Customer, CustomerPostingGroup
from debitor.schema import BOOL, Act, Lookup, Navigation, Property, code, enum


def _check(act: Act, row: Customer | None, columns: dict[str, Any]) -> None:
    if row is not None and not columns.get("customer_posting_group", "x"):
        raise refuse("customerPostingGroupCode must not be blank: posting takes the accounts from it.")


CUSTOMERS = extended(
    V2,
    lookups={"posting_group": Lookup(CustomerPostingGroup, via="customer_posting_group", by="code")},
    properties=(
        Property("customerPostingGroupCode", code(20), "customer_posting_group"),
        Property("applicationMethod", enum(ApplicationMethod), "application_method"),
        Property("blockPaymentTolerance", BOOL, "block_payment_tolerance"),
        Property("pricesIncludeTax", BOOL, "prices_include_tax"),
        Property("privacyBlocked", BOOL, "privacy_blocked"),
    ),
    navigations=(
        Navigation("customerLedgerEntries", "customerLedgerEntries", many=True, on=(("id", "customerId"),)),
        Navigation("openCustomerLedgerEntries", "openCustomerLedgerEntries", many=True, on=(("id", "customerId"),)),
    ),
    prepare=_check,
)
