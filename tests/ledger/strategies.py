"""Small books to post against, and how to make lines and open entries for them."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from debitor.ledger.books import Books, Posting
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    DocumentType,
    ExchangeRate,
    GeneralLedgerEntry,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    ReceivablesSetup,
)

BANK, AR = "2910", "2310"
DISCOUNT_DEBIT, DISCOUNT_CREDIT = "9250", "9255"
TOLERANCE_DEBIT, TOLERANCE_CREDIT = "9260", "9265"
ROUNDING_DEBIT, ROUNDING_CREDIT = "9142", "9143"
CORRECTION_DEBIT, CORRECTION_CREDIT = "9140", "9141"
WRITE_OFF = "9160"
GAINS, LOSSES, UNREALIZED_GAINS, UNREALIZED_LOSSES = "9330", "9340", "9310", "9320"
NUMBERS = (
    BANK, AR, DISCOUNT_DEBIT, DISCOUNT_CREDIT, TOLERANCE_DEBIT, TOLERANCE_CREDIT, ROUNDING_DEBIT, ROUNDING_CREDIT,
    CORRECTION_DEBIT, CORRECTION_CREDIT, GAINS, LOSSES, UNREALIZED_GAINS, UNREALIZED_LOSSES, WRITE_OFF,
    "1110", "1120",
)  # fmt: skip

INVOICE_DATE = date(2025, 1, 10)
FEBRUARY, MARCH = date(2025, 2, 5), date(2025, 3, 5)
ONE = Decimal(1)


def money(value: object) -> Decimal:
    """A decimal from a test's literal."""
    return Decimal(str(value))


def customer(number: str = "10400", **columns: Any) -> Customer:
    return Customer(id=f"customer-{number}", number=number, customer_posting_group="DOMESTIC", **columns)


def bank(number: str = "B1", **columns: Any) -> BankAccount:
    return BankAccount(id=f"bank-{number}", number=number, **({"ledger_account": BANK} | columns))


GROUP = CustomerPostingGroup(
    code="DOMESTIC",
    receivables_account=AR,
    payment_discount_debit_account=DISCOUNT_DEBIT,
    payment_discount_credit_account=DISCOUNT_CREDIT,
    payment_tolerance_debit_account=TOLERANCE_DEBIT,
    payment_tolerance_credit_account=TOLERANCE_CREDIT,
    debit_rounding_account=CORRECTION_DEBIT,
    credit_rounding_account=CORRECTION_CREDIT,
    write_off_account=WRITE_OFF,
    application_rounding_debit_account=ROUNDING_DEBIT,
    application_rounding_credit_account=ROUNDING_CREDIT,
)


def currency(code: str, precision: str = "0.01", **columns: Any) -> Currency:
    return Currency(
        code=code,
        amount_rounding_precision=Decimal(precision),
        realized_gains_account=GAINS,
        realized_losses_account=LOSSES,
        unrealized_gains_account=UNREALIZED_GAINS,
        unrealized_losses_account=UNREALIZED_LOSSES,
        **columns,
    )


def rates(code: str, *values: str) -> list[ExchangeRate]:
    """Rates (LCY per unit) from January on, one per month."""
    return [
        ExchangeRate(
            currency_code=code,
            starting_date=date(2025, month, 1),
            exchange_rate_amount=ONE,
            relational_exchange_rate_amount=Decimal(value),
        )
        for month, value in enumerate(values, 1)
    ]


def books(**parts: Any) -> Books:
    """Books with one bank account, one customer, EUR and JPY as foreign currencies, next entry number 10."""
    given: dict[str, Any] = {
        "setup": ReceivablesSetup(),
        "template": JournalTemplate(name="CASHRCPT", source_code="CASHRECJNL"),
        "batch": JournalBatch(id="batch", template_name="CASHRCPT", name="CASH"),
        "today": FEBRUARY,
        "user": "EVE",
        "now": "2025-02-05T10:00:00.000Z",
        "customers": {"customer-10400": customer()},
        "accounts": {number: Account(id=f"account-{number}", number=number) for number in NUMBERS},
        "posting_groups": {"DOMESTIC": GROUP},
        "banks": {"bank-B1": bank()},
        "currencies": {"EUR": currency("EUR"), "JPY": currency("JPY", "1")},
        "rates": {"EUR": rates("EUR", "1.20", "1.25", "1.15"), "JPY": rates("JPY", "0.0071", "0.0069", "0.0074")},
        "next": NextNumbers(entry=10, detailed=1, tax=1, transaction=1, register=1),
    }
    return Books(**(given | parts))


def invoice_entry(number: int = 5, amount: object = 1000, **columns: Any) -> CustomerLedgerEntry:
    """An open invoice `INV<number>` of 10 January."""
    value = money(amount)
    given: dict[str, Any] = {
        "entry_number": number,
        "customer_id": "customer-10400",
        "customer_number": "10400",
        "posting_date": INVOICE_DATE,
        "document_type": DocumentType.INVOICE,
        "document_number": f"INV{number}",
        "due_date": INVOICE_DATE,
        "customer_posting_group": "DOMESTIC",
        "positive": value > 0,
    }
    given |= {f"{kind}amount": value for kind in ("", "original_", "remaining_")}
    lcy = columns.pop("lcy", amount)
    given |= {f"{kind}amount_lcy": money(lcy) for kind in ("", "original_", "remaining_")}
    return CustomerLedgerEntry(**(given | columns))


def discounted(amount: object = 1000, discount: object = 20, **columns: Any) -> CustomerLedgerEntry:
    """An invoice with a discount until 18 January."""
    return invoice_entry(
        5,
        amount,
        **(
            {
                "payment_discount_date": date(2025, 1, 18),
                "original_payment_discount_possible": money(discount),
                "remaining_payment_discount_possible": money(discount),
            }
            | columns
        ),
    )


def euro_invoice(amount: object = 1000, lcy: object = 1200, **columns: Any) -> CustomerLedgerEntry:
    """An invoice in EUR at January's rate."""
    factor = ONE / Decimal("1.20")
    given = {"currency_code": "EUR", "original_currency_factor": factor, "adjusted_currency_factor": factor}
    return invoice_entry(5, amount, lcy=lcy, **(given | columns))


def payment(amount: object, on: date = FEBRUARY, *, line: int = 10000, **columns: Any) -> JournalLine:
    """A payment of customer 10400, balanced by the bank account; `applies_to` names an invoice."""
    applies_to = columns.pop("applies_to", "")
    factor = columns.pop("rate", None)
    value = money(amount)
    given: dict[str, Any] = {
        "id": f"line-{line}",
        "journal_id": "batch",
        "line_number": line,
        "account_type": AccountType.CUSTOMER,
        "account_id": "customer-10400",
        "account_number": "10400",
        "posting_date": on,
        "document_date": on,
        "document_type": DocumentType.PAYMENT,
        "document_number": f"PAY{line // 10000}",
        "description": "Relecloud",
        "amount": value,
        "amount_lcy": value,
        "balancing_account_type": AccountType.BANK_ACCOUNT,
        "balancing_account_id": "bank-B1",
        "balancing_account_number": "B1",
        "customer_posting_group": "DOMESTIC",
    }
    if applies_to:
        given |= {"applies_to_document_type": DocumentType.INVOICE, "applies_to_document_number": applies_to}
    if factor:
        lcy = (value * Decimal(factor)).quantize(Decimal("0.01"))
        given |= {"currency_code": "EUR", "currency_factor": ONE / Decimal(factor), "amount_lcy": lcy}
    return JournalLine(**(given | columns))


def one_sided(line: JournalLine) -> JournalLine:
    """The line without its balancing account."""
    return replace(
        line, balancing_account_type=AccountType.GL_ACCOUNT, balancing_account_id="", balancing_account_number=""
    )


def bank_line(amount: object, *, line: int = 20000, on: date = FEBRUARY, number: str = "PAY1") -> JournalLine:
    """A one-sided line of the bank account."""
    return one_sided(
        replace(
            payment(amount, on, line=line),
            account_type=AccountType.BANK_ACCOUNT,
            account_id="bank-B1",
            account_number="B1",
            document_type=DocumentType.PAYMENT,
            document_number=number,
            customer_posting_group="",
        )
    )


def account_line(
    amount: object, *, line: int, account: str = "1110", on: date = FEBRUARY, number: str = "G1"
) -> JournalLine:
    """A one-sided line of a G/L account, without document type."""
    return replace(
        bank_line(amount, line=line, on=on, number=number),
        account_type=AccountType.GL_ACCOUNT,
        account_id=f"account-{account}",
        account_number=account,
        document_type=DocumentType.BLANK,
    )


def after(before: Books, posting: Posting) -> Books:
    """The books that the next posting sees."""
    rows = posting.changes.insert
    general = [row for row in rows if isinstance(row, GeneralLedgerEntry)]
    details = [row for row in rows if isinstance(row, DetailedEntry)]
    updated = {new.entry_number: new for _, new in posting.changes.update if isinstance(new, CustomerLedgerEntry)}
    entries = [updated.get(entry.entry_number, entry) for entry in before.entries] + list(posting.entries)
    numbers = before.next
    return changed(
        before,
        entries=[entry for entry in entries if entry.open],
        next=NextNumbers(
            entry=max((entry.entry_number + 1 for entry in general), default=numbers.entry),
            detailed=max((detail.entry_number + 1 for detail in details), default=numbers.detailed),
            tax=numbers.tax,
            transaction=max((entry.transaction_number + 1 for entry in general), default=numbers.transaction),
            register=numbers.register + bool(posting.register_number),
        ),
    )


cents = st.integers(1, 200_000).map(lambda value: Decimal(value) / 100)
"""Amounts from 0.01 to 2000.00."""
dates = st.integers(0, 80).map(lambda days: date.fromordinal(date(2025, 1, 5).toordinal() + days))
"""Days from 5 January to 26 March 2025, over all three months of rates."""
