"""customerPaymentJournals: the journals of the payment template, with what posting takes from a journal.

`numberSeries` gives document numbers to new payments, `postingNumberSeries` gives others when they are posted.
"""

from debitor.entities.customer_payment_journals import CUSTOMER_PAYMENT_JOURNALS as V2
from debitor.entities.master import extended
from debitor.entities.receivables.journals import SET_UP, change, numbered
from debitor.operations import journals
from debitor.schema import Act, Draft


def _create(act: Act, draft: Draft) -> str:
    return journals.set_up_journal(act, journals.create_payment_journal(act, draft), draft)


CUSTOMER_PAYMENT_JOURNALS = extended(numbered(V2), properties=SET_UP, create=_create, change=change)
