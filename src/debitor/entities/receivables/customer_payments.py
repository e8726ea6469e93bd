"""customerPayments: the payments that wait in payment journals, whatever they are applied to.

Here with currency, balancing account and reason, all writable; lines without an invoice are not hidden.
`applyCustomerEntries` says which open entries a payment pays, with an amount for each. `writeOffAmount` is what
posting gives up of the invoice beside the payment, for `writeOffReasonCode`. `messages` is the first reason for which
posting would refuse the payment now, and blank when it would take it.
"""

from debitor.entities.customer_payments import CUSTOMER_PAYMENTS as V2
from debitor.entities.master import extended
from debitor.ledger.records import AccountType, Currency, DocumentType, PaymentMethod
from debitor.operations import payments
from debitor.operations.payment_messages import messages
from debitor.operations.payment_terms import set_terms
from debitor.schema import (
    DECIMAL,
    GUID,
    RATE,
    Act,
    Draft,
    Lookup,
    Navigation,
    Property,
    Told,
    code,
    enum,
    shown,
    text,
)


def _create(act: Act, draft: Draft) -> str:
    return set_terms(act, payments.create_payment(act, draft), draft)


def _change(act: Act, id: str, draft: Draft) -> str:
    return set_terms(act, payments.change_payment(act, id, draft), draft)


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
        Property("currencyCode", code(10), "currency_code"),
        shown("currencyFactor", RATE, "currency_factor"),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        Property("balancingAccountType", enum(AccountType), "balancing_account_type"),
        Property("balancingAccountNumber", code(20), "balancing_account_number"),
        Property("paymentMethodCode", code(10), "payment_method.code"),
        Property("reasonCode", code(10), "reason_code"),
        shown("appliesToId", code(50), "applies_to_id"),
        Property("writeOffAmount", DECIMAL, "write_off_amount"),
        Property("writeOffReasonCode", code(10), "write_off_reason_code"),
        Property("messages", text(), Told(messages), editable=False, filterable=False),
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
