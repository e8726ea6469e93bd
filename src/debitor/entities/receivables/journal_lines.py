"""journalLines: the G/L and bank lines of journals, here with currency, value in local currency, and a reason."""

from debitor.entities.journal_lines import JOURNAL_LINES as V2
from debitor.entities.master import extended
from debitor.ledger.records import JournalLine
from debitor.operations import journals
from debitor.operations.payments import checked_reason
from debitor.schema import DECIMAL, RATE, Act, Draft, Property, code, shown


def _with_reason(act: Act, id: str, draft: Draft) -> str:
    line = act.tx.get(JournalLine, id)
    if "reasonCode" in draft and draft["reasonCode"] != line.reason_code:
        act.tx.update(line, reason_code=checked_reason(act.tx, draft["reasonCode"]))
    return id


def _create(act: Act, draft: Draft) -> str:
    return _with_reason(act, journals.create_line(act, draft), draft)


def _change(act: Act, id: str, draft: Draft) -> str:
    return _with_reason(act, journals.change_line(act, id, draft), draft)


JOURNAL_LINES = extended(
    V2,
    properties=(
        shown("currencyCode", code(10), "currency_code"),
        shown("currencyFactor", RATE, "currency_factor"),
        shown("amountLocalCurrency", DECIMAL, "amount_lcy"),
        Property("reasonCode", code(10), "reason_code"),
    ),
    create=_create,
    change=_change,
)
