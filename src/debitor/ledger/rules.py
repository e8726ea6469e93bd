"""What is checked of every line before anything is posted. `RULES` is in order of precedence; the first "no" wins.

Source: BCApps GenJnlCheckLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from debitor.ledger import dimensions, refusals
from debitor.ledger.amounts import plain
from debitor.ledger.books import Books, is_empty, posting_amount
from debitor.ledger.records import AccountType, CustomerBlocked, DocumentType, JournalLine
from debitor.schema import BLANK_DATE, Refused

Rule = Callable[[JournalLine, Books], Refused | None]

PARTNERS = (AccountType.CUSTOMER, AccountType.VENDOR, AccountType.FIXED_ASSET, AccountType.IC_PARTNER)
POSTABLE = (AccountType.GL_ACCOUNT, AccountType.CUSTOMER, AccountType.BANK_ACCOUNT)
NOT_POSITIVE = (DocumentType.PAYMENT, DocumentType.CREDIT_MEMO)
NOT_NEGATIVE = (
    DocumentType.INVOICE,
    DocumentType.REFUND,
    DocumentType.FINANCE_CHARGE_MEMO,
    DocumentType.REMINDER,
)
TABLES = {
    AccountType.CUSTOMER: "customer",
    AccountType.GL_ACCOUNT: "G/L account",
    AccountType.BANK_ACCOUNT: "bank account",
}


def check_lines(lines: Sequence[JournalLine], books: Books) -> None:
    """Refuse the journal when a line breaks a rule; lines are checked in their order, empty ones are skipped.

    Raises:
        Refused: the first broken rule of the first line that breaks one.
    """
    dimensions_seen: set[tuple[int, str]] = set()
    for line in lines:
        if is_empty(line):
            continue
        for rule in RULES:
            refused = rule(line, books)
            if refused:
                raise refused
        _check_dimensions(line, books, dimensions_seen)


def _posting_date(line: JournalLine, books: Books) -> Refused | None:
    if line.posting_date == BLANK_DATE:
        return refusals.POSTING_DATE_MISSING(line=line.line_number)
    first, last = books.setup.allow_posting_from, books.setup.allow_posting_to
    if line.posting_date < first or (last != BLANK_DATE and line.posting_date > last):
        return refusals.POSTING_DATE_NOT_ALLOWED(
            line=line.line_number,
            date=line.posting_date,
            first="" if first == BLANK_DATE else first,
            last="" if last == BLANK_DATE else last,
        )
    return None


def _salesperson(line: JournalLine, books: Books) -> Refused | None:
    if line.salesperson_code and line.salesperson_code in books.blocked_salespeople:
        return refusals.SALESPERSON_PRIVACY_BLOCKED(line=line.line_number, code=line.salesperson_code)
    return None


def _document_number(line: JournalLine, books: Books) -> Refused | None:
    return None if line.document_number else refusals.DOCUMENT_NUMBER_MISSING(line=line.line_number)


def _two_partners(line: JournalLine, books: Books) -> Refused | None:
    if not (line.account_number and line.balancing_account_number):
        return None
    if line.account_type in PARTNERS and line.balancing_account_type in PARTNERS:
        return refusals.TWO_PARTNERS(line=line.line_number, account_type=line.account_type)
    return None


def _account(line: JournalLine, books: Books) -> Refused | None:
    if line.account_number or line.balancing_account_number:
        return None
    return refusals.ACCOUNT_MISSING(line=line.line_number)


def _amount(line: JournalLine, books: Books) -> Refused | None:
    if not line.amount:
        return refusals.AMOUNT_MISSING(line=line.line_number)
    # A tiny foreign amount may be worth nothing in local currency.
    if line.amount * line.amount_lcy < 0:
        return refusals.AMOUNT_SIGN_DIFFERS(
            line=line.line_number, amount=plain(line.amount), amount_lcy=plain(line.amount_lcy)
        )
    return None


def _nothing_to_apply(line: JournalLine, books: Books) -> Refused | None:
    target = line.applies_to_document_number or line.applies_to_id
    if not target or AccountType.CUSTOMER in (line.account_type, line.balancing_account_type):
        return None
    return refusals.NOTHING_TO_APPLY(line=line.line_number, document=target)


def sides_of(line: JournalLine) -> tuple[tuple[AccountType, str, str, int], ...]:
    """Return account type, id, number and sign of the filled accounts; the balancing one gets minus the amount."""
    one, other = line.account_number, line.balancing_account_number
    if not other:
        return ((line.account_type, line.account_id, one, 1),) if one else ()
    balancing = line.balancing_account_type, line.balancing_account_id, other, -1
    return ((line.account_type, line.account_id, one, 1), balancing) if one else (balancing,)


def _account_type(line: JournalLine, books: Books) -> Refused | None:
    for kind, _id, _number, _sign in sides_of(line):
        if kind not in POSTABLE:
            return refusals.ACCOUNT_TYPE_UNKNOWN(line=line.line_number, account_type=kind)
    return None


def _customer(line: JournalLine, books: Books) -> Refused | None:
    for kind, id, number, _sign in sides_of(line):
        if kind != AccountType.CUSTOMER:
            continue
        customer = books.customers.get(id)
        if customer is None:
            return refusals.CUSTOMER_UNKNOWN(line=line.line_number, number=number)
        if customer.privacy_blocked:
            return refusals.CUSTOMER_PRIVACY_BLOCKED(line=line.line_number, number=number)
        blocked = customer.blocked
        bills = line.document_type in (DocumentType.INVOICE, DocumentType.BLANK)
        if blocked == CustomerBlocked.ALL or (blocked == CustomerBlocked.INVOICE and bills):
            return refusals.CUSTOMER_BLOCKED(line=line.line_number, number=number, blocked=blocked)
    return None


def _sign(line: JournalLine, books: Books) -> Refused | None:
    for kind, _id, _number, sign in sides_of(line):
        if kind != AccountType.CUSTOMER:
            continue
        amount = posting_amount(line, strict=books.strict)[0] * sign
        negative = line.document_type in NOT_POSITIVE
        if (amount > 0 and negative) or (amount < 0 and line.document_type in NOT_NEGATIVE):
            # The message speaks of the amount as it stands on the line.
            refusal = refusals.AMOUNT_NOT_NEGATIVE if negative == (sign > 0) else refusals.AMOUNT_NOT_POSITIVE
            return refusal(line=line.line_number, document_type=line.document_type, amount=plain(line.amount))
    return None


def _applied_twice(line: JournalLine, books: Books) -> Refused | None:
    if line.applies_to_document_number and line.applies_to_id:
        return refusals.APPLIED_TWICE(
            line=line.line_number, document=line.applies_to_document_number, mark=line.applies_to_id
        )
    return None


def _write_off(line: JournalLine, books: Books) -> Refused | None:
    amount = line.write_off_amount
    if amount < 0:
        return refusals.WRITE_OFF_NEGATIVE(line=line.line_number, amount=plain(amount))
    if amount and not line.applies_to_document_number:
        return refusals.WRITE_OFF_WITHOUT_DOCUMENT(line=line.line_number, amount=plain(amount))
    if amount and not line.write_off_reason_code:
        return refusals.WRITE_OFF_WITHOUT_REASON(line=line.line_number)
    return None


RULES: tuple[Rule, ...] = (
    _posting_date,
    _salesperson,
    _document_number,
    _two_partners,
    _account,
    _amount,
    _nothing_to_apply,
    _account_type,
    _customer,
    _sign,
    _applied_twice,
    _write_off,
)


def _check_dimensions(line: JournalLine, books: Books, seen: set[tuple[int, str]]) -> None:
    """Refuse a dimension set with something blocked, or one that breaks a rule of an account. Each pair once."""
    number = line.dimension_set_number
    if not number and not books.rules:
        return
    pairs = books.sets.get(number, {})
    where = f"line {line.line_number} of journal {books.batch.name}"
    if number and (number, "") not in seen:
        seen.add((number, ""))
        dimensions.check_usable(pairs, books.dimensions, books.values, where=where, combinations=books.combinations)
    for kind, id, account_number, _sign in sides_of(line):
        rules = books.rules.get(id)
        if rules and (number, id) not in seen:
            seen.add((number, id))
            dimensions.check(pairs, rules, record=f"{TABLES[kind]} {account_number}", where=where)
