"""customerPayments: the payments that wait in payment journals, whatever they are applied to.

Here with currency, balancing account and reason; lines without an invoice are not hidden. `applyCustomerEntries` says
which open entries a payment pays, with an amount for each.
"""

from typing import Any

from debitor.entities.customer_payments import CUSTOMER_PAYMENTS as V2
from debitor.entities.master import extended
from debitor.ledger.records import AccountType, Currency, DocumentType, JournalLine, PaymentMethod
from debitor.operations import payments
from debitor.schema import DECIMAL, GUID, RATE, Act, Draft, Lookup, Navigation, Property, code, enum, shown


def _with_reason(act: Act, id: str, draft: Draft) -> str:
    if "reasonCode" in draft:
        line: Any = act.tx.get(JournalLine, id)
        act.tx.update(line, reason_code=payments.checked_reason(act.tx, draft["reasonCode"]))
    return id


def _create(act: Act, draft: Draft) -> str:
    return _with_reason(act, payments.create_payment(act, draft), draft)


def _change(act: Act, id: str, draft: Draft) -> str:
    return _with_reason(act, payments.change_payment(act, id, draft), draft)


CUSTOMER_PAYMENTS = extended(
    V2,
    lookups={
        "currency": Lookup(Currency, via="currency_code", by="code"),
        "payment_method": Lookup(PaymentMethod, via="payment_method_id"),
    },
    where={name: value for name, value in V2.where.items() if name != "applies_to_document_type"},
    properties=(
        shown("documentType", enum(DocumentType), "document_type"),
        shown("currencyId", GUID, "currency.id"),
        shown("currencyCode", code(10), "currency_code"),
        shown("currencyFactor", RATE, "currency_factor"),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        shown("balancingAccountType", enum(AccountType), "balancing_account_type"),
        shown("balancingAccountNumber", code(20), "balancing_account_number"),
        shown("paymentMethodCode", code(10), "payment_method.code"),
        Property("reasonCode", code(10), "reason_code"),
        shown("appliesToId", code(50), "applies_to_id"),
    ),
    navigations=(
        Navigation(
            "applyCustomerEntries",
            "applyCustomerEntries",
            many=True,
            on=(("id", "paymentId"),),
            kind="part",
            partner="customerPayment",
        ),
    ),
    create=_create,
    change=_change,
)
