"""Delivers the outbox: mails that `operations.sending` left there, with their PDF, through an SMTP server.

A mail is marked as sent after the mail server has taken it, so a crash between the two sends it again: at least once,
with the same Message-ID. What fails for now is tried again after a pause that doubles; what the mail server refuses
for good (5xx), or what fails for three days, is marked as failed and stays for people to see (`debitor mail`).
"""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from debitor.documents.model import SalesDocument, Statement
from debitor.operations.documents import draw
from debitor.operations.sending import FAILED, SENT, WAITING, Letter, OutgoingMail, letter_of
from debitor.store import Store, StoreError

log = logging.getLogger("debitor")

EVERY = 1.0
"""Seconds between looks into the outbox."""
AT_ONCE = 20
"""Mails that one look takes."""
TIMEOUT = 20.0
"""Seconds that the mail server may take for a step."""
GIVE_UP = timedelta(days=3)
LONGEST_PAUSE = 6 * 3600


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as the store keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server, and who the mails come from."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    sender: str

    @staticmethod
    def of(url: str, sender: str) -> Smtp:
        """Read `smtp://user:password@host:port` or `smtps://...`; user and password may be percent-encoded."""
        parts = urlsplit(url)
        tls = parts.scheme == "smtps"
        return Smtp(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if tls else 587),
            tls=tls,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )

    def deliver(self, message: EmailMessage, recipients: list[str]) -> None:
        """Hand a mail to the server; waits for it. Raises OSError, smtplib.SMTPException.

        Credentials are sent under TLS only, except to this machine.
        """
        context = ssl.create_default_context()
        connection: smtplib.SMTP
        if self.tls:
            connection = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        with connection:
            secure = self.tls
            connection.ehlo()
            if not secure and connection.has_extn("starttls"):
                connection.starttls(context=context)
                secure = True
            if self.user:
                if not secure and self.host not in ("localhost", "127.0.0.1", "::1"):
                    raise smtplib.SMTPNotSupportedError(f"{self.host} offers no TLS; no password is sent to it")
                connection.login(self.user, self.password)
            connection.send_message(message, parseaddr(self.sender)[1], recipients)


def message_of(mail: OutgoingMail, letter: Letter, pdf: bytes, sender: str) -> EmailMessage:
    """Return the mail with its attachment."""
    message = EmailMessage(policy=POLICY)
    name, address = parseaddr(sender)
    message["From"] = f"{name} <{address}>" if name else address
    message["To"] = ", ".join(recipients_of(mail))
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = format_datetime(datetime.fromisoformat(mail.created_at))
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    message.set_content(letter.text)
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=letter.file_name)
    return message


def recipients_of(mail: OutgoingMail) -> list[str]:
    """Return the addresses of a mail."""
    return [part.strip() for part in mail.recipient.split(";") if part.strip()]


class Postman:
    """Delivers what waits in the outbox, one mail after the other.

    Args:
        store: the books.
        smtp: the mail server.
        pause: seconds before the second attempt; each later pause is twice the one before.
        now: the clock.
        drawing: draws a document; runs in a thread.
    """

    def __init__(
        self,
        store: Store,
        smtp: Smtp,
        *,
        pause: int,
        now: Callable[[], datetime] = utc_now,
        drawing: Callable[[SalesDocument | Statement], bytes] = draw,
    ) -> None:
        self._store, self._smtp, self._pause, self._now, self._draw = store, smtp, pause, now, drawing

    async def run(self) -> None:
        """Deliver until cancelled; a mail that is under way is finished first."""
        while True:
            try:
                if self._store.leads():
                    await asyncio.shield(asyncio.ensure_future(self.round()))
            except StoreError as error:
                log.error("the outbox cannot be read or written: %s", error)
            await asyncio.sleep(EVERY)

    async def round(self) -> int:
        """Try every mail that is due. Returns how many were delivered."""
        due = self._store.reader().all(OutgoingMail, order=("next_attempt",), limit=AT_ONCE, state=WAITING)
        now = stamp(self._now())
        delivered = 0
        for mail in due:
            if mail.next_attempt <= now:
                delivered += await self._try(mail)
        return delivered

    async def _try(self, mail: OutgoingMail) -> bool:
        """Deliver one mail and write down how it went."""
        letter = letter_of(self._store.reader().at(mail.company_key), mail)
        if letter is None:
            await self._mark(mail, FAILED, "The document no longer exists.")
            return False
        try:
            pdf = await asyncio.to_thread(self._draw, letter.document)
            message = message_of(mail, letter, pdf, self._smtp.sender)
            await asyncio.to_thread(self._smtp.deliver, message, recipients_of(mail))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            final = _is_final(error) or self._now() - datetime.fromisoformat(mail.created_at) > GIVE_UP
            told = " ".join(str(error).split())[:250] or type(error).__name__
            log.warning("mail %s was not delivered (attempt %d): %s", mail.id, mail.attempts + 1, told)
            await self._mark(mail, FAILED if final else WAITING, told)
            return False
        await self._mark(mail, SENT, "")
        return True

    async def _mark(self, mail: OutgoingMail, state: str, failure: str) -> None:
        pause = min(self._pause * 2 ** min(mail.attempts, 20), LONGEST_PAUSE)
        later = stamp(self._now() + timedelta(seconds=pause))

        await self._store.write(
            lambda tx: tx.update(mail, state=state, failure=failure, attempts=mail.attempts + 1, next_attempt=later)
        )


def _is_final(error: Exception) -> bool:
    """Whether trying again cannot help: the mail server refused the mail for good."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= status < 600 for status, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return False  # a password can be corrected
    return isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600
