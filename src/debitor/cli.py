"""The command `debitor`. It reads settings, calls other rooms and prints; it has no rules of its own.

Exit codes: 0 done; 1 the answer is no (a check failed, an application is unknown); 2 wrong use or cannot start.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debitor import __version__
from debitor.commands import Commands, Failure, as_json, print_json, print_table, settings_of, where
from debitor.moving import MOVING

if TYPE_CHECKING:
    from debitor.ledger.records import Company
    from debitor.store import Root


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="debitor %(version)s")
def main() -> None:
    """debitor: a receivables server that speaks the Business Central API v2.0.

    \b
    Example:
      debitor serve --demo
    """


@main.command()
@where
@click.option("--host", help="Address to listen on [127.0.0.1].")
@click.option("--port", help="Port to listen on [7048]; 0 takes a free one.")
@click.option("--demo/--no-demo", default=None, help="Create a demo company when the books are empty.")
@click.option("--compat", help="documented, or strict: exactly as Business Central itself [documented].")
@click.option("--workers", help="Server processes [1].")
@click.option("--replica-url", help="Replica of the PostgreSQL database, for Data-Access-Intent: ReadOnly.")
@click.option("--tls-cert", help="Certificate chain (PEM), to serve https.")
@click.option("--tls-key", help="Private key (PEM) of the certificate.")
@click.option("--public-url", help="Address that clients use, when it is not host and port.")
@click.option("--max-body", help="Largest request body, such as 32MB [32MB].")
@click.option("--max-media", help="Largest content of an attachment, such as 150MB [150MB].")
@click.option("--compression/--no-compression", default=None, help="Answers in gzip, br or zstd [on].")
@click.option("--token-lifetime", help="Seconds that an access token is valid [3600].")
@click.option("--refresh-lifetime", help="Seconds after which an unused refresh token ends [7776000].")
@click.option("--trusted-proxies", help="Networks whose X-Forwarded-* are believed, such as 10.0.0.0/8 [none].")
@click.option("--cors-origins", help="Origins of browser applications that may ask, with commas between [none].")
@click.option("--limits", help="off, or online: as many requests as Business Central online takes [off].")
@click.option("--limit-requests", help="Requests of a user in one window, under --limits online [6000].")
@click.option("--limit-window", help="Seconds of that window [300].")
@click.option("--limit-at-once", help="Requests of a user that are answered at the same time [5].")
@click.option("--limit-queue", help="Requests of a user that may wait [95].")
@click.option("--limit-wait", help="Seconds that one waits at most [480].")
@click.option("--limit-work", help="Seconds that a request may take [480].")
@click.option("--idempotency-lifetime", help="Seconds that answers under an Idempotency-Key are kept [86400].")
@click.option("--log-level", help="debug, info, warning or error [info].")
@click.option("--log-format", help="text, or json: one object a line [text].")
@click.option("--log-requests", help="none, failed (5xx, or slower than a second), or all [failed].")
@click.option("--metrics", help="Who may read /metrics: off, local (this machine), or all [local].")
@click.option("--otlp-endpoint", help="Where OpenTelemetry traces go, such as http://127.0.0.1:4318/v1/traces.")
@click.option("--drain-delay", help="Seconds that a stopping server still takes requests [0].")
def serve(config: Path | None, **flags: Any) -> None:
    """Serve the books until SIGTERM or Ctrl-C.

    Prints one line when the first request can be answered. The first start registers an application: the one of
    DEBITOR_CLIENT_ID and DEBITOR_CLIENT_SECRET, or a new one whose secret is shown once.

    \b
    Example:
      debitor serve --demo --port 7048 --data ./debitor-data
    """
    settings = settings_of(config, **flags)
    from debitor import server

    raise SystemExit(server.serve(settings, click.echo))


@main.group()
def client() -> None:
    """Applications that may use the API.

    \b
    Example:
      debitor client create --name "Payment provider"
    """


@client.command("create")
@where
@as_json
@click.option("--name", required=True, help="What the application is.")
@click.option("--rights", type=click.Choice(["full", "read"]), default="full", show_default=True)
@click.option("--client-id", default="", help="Its public id; made up when left out.")
def client_create(config: Path | None, json_form: bool, name: str, rights: str, client_id: str, **flags: Any) -> None:
    """Register an application and show its secret, once. A running server knows it within two seconds.

    \b
    Example:
      debitor client create --name "Payment provider" --rights full --json
    """
    from debitor import identity, server

    with server.open_books(settings_of(config, **flags), create=True) as store, store.transaction() as root:
        row, secret = identity.register_client(root, name=name, rights=rights, client_id=client_id)
    if json_form:
        print_json({"client_id": row.client_id, "client_secret": secret, "name": row.name, "rights": row.rights})
        return
    click.echo(f"client id      {row.client_id}")
    click.echo(f"client secret  {secret}   (shown only this once)")


@client.command("list")
@where
@as_json
def client_list(config: Path | None, json_form: bool, **flags: Any) -> None:
    """List the applications.

    \b
    Example:
      debitor client list --json
    """
    from debitor import identity, server

    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        rows = [
            {
                "client_id": row.client_id,
                "name": row.name,
                "rights": row.rights,
                "created": row.created_at,
                "revoked": None if row.active else row.revoked_at,
            }
            for row in root.all(identity.ApiClient, order=("created_at",))
        ]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("client_id", "name", "rights", "created", "revoked"))


@client.command("revoke")
@where
@as_json
@click.argument("client_id")
def client_revoke(config: Path | None, json_form: bool, client_id: str, **flags: Any) -> None:
    """Take access from an application for good. A running server follows within two seconds.

    \b
    Example:
      debitor client revoke 0190f3a2-8a5c-7c7d-9d52-1e0a4f6f9b11
    """
    from debitor import identity, server

    with server.open_books(settings_of(config, **flags)) as store, store.transaction() as root:
        row = identity.revoke_client(root, client_id)
    if json_form:
        print_json({"client_id": row.client_id, "revoked": row.revoked_at})
    else:
        click.echo(f"The application {row.client_id} is revoked.")


@main.group()
def company() -> None:
    """Companies in the books.

    \b
    Example:
      debitor company create "My Company" --currency EUR
    """


@company.command("create")
@where
@as_json
@click.argument("name")
@click.option("--currency", default="EUR", show_default=True, help="Its own currency, an ISO 4217 code.")
@click.option("--demo", is_flag=True, help="Fill it with demo customers and invoices.")
def company_create(config: Path | None, json_form: bool, name: str, currency: str, demo: bool, **flags: Any) -> None:
    """Create a company with a chart of accounts, terms, methods and number series.

    \b
    Example:
      debitor company create "My Company" --currency EUR
    """
    from debitor import server
    from debitor.operations.companies import create_company

    with server.open_books(settings_of(config, **flags), create=True) as store, store.transaction() as root:
        made = create_company(root, name=name, currency=currency, demo=demo, today=server.work_date())
    if json_form:
        print_json({"id": made.id, "name": made.name})
    else:
        click.echo(f"The company {made.name} is created: companies({made.id})")


@company.command("list")
@where
@as_json
def company_list(config: Path | None, json_form: bool, **flags: Any) -> None:
    """List the companies.

    \b
    Example:
      debitor company list --json
    """
    from debitor import server
    from debitor.ledger.records import Company

    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        rows = [{"id": row.id, "name": row.name} for row in root.all(Company)]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("id", "name"))


@main.command()
@where
@as_json
@click.option("--head", is_flag=True, help="Only show the end of each company's chain, to be noted elsewhere.")
@click.option("--expect", multiple=True, metavar="NUMBER:HASH", help="A head noted before must still be in a chain.")
@click.option("--company", "named", help="Only the books of this company [all].")
def check(
    config: Path | None, json_form: bool, head: bool, expect: tuple[str, ...], named: str | None, **flags: Any
) -> None:
    """Check every invariant of the books; exit code 1 when one does not hold.

    It may run beside the server, on one snapshot. What the findings mean: docs/operating/check.md.

    \b
    Example:
      debitor check --data ./debitor-data
      debitor check --head
      debitor check --expect 4711:9f86d081884c7d65...
    """
    from debitor import server
    from debitor.operations.checks import check_books, heads_of, missing_heads

    noted = [_noted_head(text) for text in expect]
    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        only = None if named is None else [_company(root, named)]
        heads = [h._asdict() for h in heads_of(root) if only is None or h.company == only[0].name]
        keys = None if only is None else [company.key for company in only]
        violations = [] if head else [*missing_heads(root, noted), *check_books(root, keys)]
    if head:
        if json_form:
            print_json(heads)
        else:
            for each in heads:
                click.echo(f"{each['number']}:{each['hash']}  {each['company']}")
        return
    if json_form:
        print_json({"ok": not violations, "violations": violations, "heads": heads})
    elif violations:
        for violation in violations:
            click.echo(violation)
    else:
        click.echo("Every check of the books holds.")
    if violations:
        raise SystemExit(1)


def _noted_head(text: str) -> tuple[int, str]:
    number, _, noted = text.partition(":")
    if not number.isdecimal() or not re.fullmatch("[0-9A-Fa-f]{64}", noted):
        raise click.BadParameter(f"{text} is no NUMBER:HASH, as `debitor check --head` shows it.")
    return int(number), noted


@main.command("audit")
@where
@as_json
@click.option("--company", help="Name of the company [the only one].")
@click.option("--since", type=click.DateTime(), help="From this moment on, UTC [the last 24 hours].")
@click.option("--until", type=click.DateTime(), help="Before this moment, UTC.")
@click.option("--client", help="Only what this client did.")
@click.option("--request", "request_id", help="Only this request.")
@click.option("--entity-set", help="Only writes to this entity set.")
@click.option("--entity", help="Only writes to the entity with this id.")
def audit_trail(
    config: Path | None,
    json_form: bool,
    company: str | None,
    since: datetime | None,
    until: datetime | None,
    client: str | None,
    request_id: str | None,
    entity_set: str | None,
    entity: str | None,
    **flags: Any,
) -> None:
    """List who did what: the requests that wrote to a company, oldest first.

    \b
    Example:
      debitor audit --since 2026-01-31 --entity-set customers
    """
    from debitor import server
    from debitor.operations import audit

    wanted = {"client_id": client, "request_id": request_id, "entity_set": entity_set, "entity_id": entity}
    now = datetime.now(UTC)
    start = since.replace(tzinfo=UTC) if since else now - timedelta(days=1)
    end = until.replace(tzinfo=UTC) if until else now + timedelta(days=1)
    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        tx = root.at(_company(root, company).key)
        rows = [
            {name: getattr(entry, name) for name in audit.SHOWN}
            for entry in audit.entries_between(tx, start, end)
            if all(value is None or getattr(entry, name) == value for name, value in wanted.items())
        ]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("at", "client_id", "method", "address", "action", "request_id"))


@main.command("trace")
@where
@as_json
@click.option("--company", help="Name of the company [the only one].")
@click.argument("number")
def trace_document(config: Path | None, json_form: bool, company: str | None, number: str, **flags: Any) -> None:
    """Show what belongs to a document: bank, payment, application, invoice, ledgers, and the request that posted it.

    NUMBER is that of a posted document, of its draft, an external document number, or a customer ledger entry.

    \b
    Example:
      debitor trace 103045
    """
    from debitor import server
    from debitor.operations import trace
    from debitor.schema import Refused

    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        try:
            found = trace.trace(root.at(_company(root, company).key), number)
        except Refused as no:
            raise Failure(no.message) from no
    if json_form:
        print_json(found)
    else:
        for line in trace.lines_of(found):
            click.echo(line)


@main.command("open-entries")
@where
@as_json
@click.option("--company", help="Name of the company [the only one].")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day [today].")
@click.option("--customer", help="Number of a customer [all].")
def list_open_entries(
    config: Path | None,
    json_form: bool,
    company: str | None,
    as_of: datetime | None,
    customer: str | None,
    **flags: Any,
) -> None:
    """List the customer ledger entries that were open at the end of a day, with what remained of them.

    \b
    Example:
      debitor open-entries --as-of 2025-12-31 --json
    """
    from debitor import server
    from debitor.ledger.records import Customer
    from debitor.operations.open_entries import open_entries

    day = as_of.date() if as_of else datetime.now(UTC).date()
    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        tx = root.at(_company(root, company).key)
        known = tx.find(Customer, number=customer) if customer else None
        if customer and known is None:
            raise Failure(f"There is no customer {customer}.")
        rows = [
            {
                "entry": entry.entry_number,
                "customer": entry.customer_number,
                "document": entry.document_number,
                "type": entry.document_type.replace("_x0020_", " "),
                "posted": entry.posting_date.isoformat(),
                "due": entry.due_date.isoformat(),
                "currency": entry.currency_code,
                "remaining": format(remaining, "f"),
                "remaining_lcy": format(lcy, "f"),
            }
            for entry, remaining, lcy in open_entries(tx, day, [known.id] if known else [])
        ]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("entry", "customer", "type", "document", "due", "currency", "remaining"))


def _company(root: Root, name: str | None) -> Company:
    """The company with a name, or the only one. Raises UsageError."""
    from debitor.ledger.records import Company

    companies = [c for c in root.all(Company) if name is None or c.name.lower() == name.lower()]
    if len(companies) != 1:
        names = ", ".join(c.name for c in root.all(Company)) or "none"
        raise click.UsageError(f"Name one company with --company. There are: {names}.")
    return companies[0]


@main.group()
def mail() -> None:
    """Documents on their way to customers.

    \b
    Example:
      debitor mail list
    """


@mail.command("list")
@where
@as_json
@click.option("--state", type=click.Choice(["waiting", "failed", "sent"]), help="Only these [waiting and failed].")
def mail_list(config: Path | None, json_form: bool, state: str | None, **flags: Any) -> None:
    """List mails that are not delivered yet, and why.

    \b
    Example:
      debitor mail list --state failed --json
    """
    from debitor import server
    from debitor.operations import sending

    wanted = (state,) if state else (sending.WAITING, sending.FAILED)
    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        rows = [
            {
                "id": row.id,
                "recipient": row.recipient,
                "document": row.document_id,
                "state": row.state,
                "attempts": row.attempts,
                "created": row.created_at,
                "failure": row.failure,
            }
            for row in root.all(sending.OutgoingMail, order=("created_at",), state=wanted)
        ]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("id", "recipient", "state", "attempts", "created", "failure"))


@mail.command("retry")
@where
@as_json
@click.argument("id")
def mail_retry(config: Path | None, json_form: bool, id: str, **flags: Any) -> None:
    """Have the running server try a failed mail again at once.

    \b
    Example:
      debitor mail retry 0190f3a2-8a5c-7c7d-9d52-1e0a4f6f9b11
    """
    from debitor import server
    from debitor.operations import sending

    with server.open_books(settings_of(config, **flags)) as store, store.transaction() as root:
        row = sending.retry(root, id)
    if json_form:
        print_json({"id": row.id, "state": row.state})
    else:
        click.echo(f"The mail {row.id} to {row.recipient} is tried again.")


@main.group()
def key() -> None:
    """Keys that sign access tokens.

    \b
    Example:
      debitor key rotate
    """


@key.command("rotate")
@where
@as_json
@click.option("--at-once", is_flag=True, help="Tokens signed before stop working now, as after a leak.")
def key_rotate(config: Path | None, json_form: bool, at_once: bool, **flags: Any) -> None:
    """Sign with a new key from now on; older keys verify until their tokens have expired.

    \b
    Example:
      debitor key rotate --at-once
    """
    from debitor import identity, server

    settings = settings_of(config, **flags)
    with server.open_books(settings) as store, store.transaction() as root:
        row = identity.rotate_key(root, lifetime=settings.token_lifetime, at_once=at_once)
    if json_form:
        print_json({"kid": row.kid, "created": row.created_at})
    else:
        click.echo(f"Tokens are signed with the key {row.kid} from now on.")


@key.command("list")
@where
@as_json
def key_list(config: Path | None, json_form: bool, **flags: Any) -> None:
    """List the signing keys, never their private parts.

    \b
    Example:
      debitor key list --json
    """
    from debitor import identity, server

    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root:
        rows = [
            {
                "kid": row.kid,
                "current": row.current,
                "created": row.created_at,
                "verifies_until": None if row.current else row.verifies_until,
            }
            for row in root.all(identity.SigningKey, order=("-created_at",))
        ]
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("kid", "current", "created", "verifies_until"))


@main.command("settings")
@where
@as_json
def show_settings(config: Path | None, json_form: bool, **flags: Any) -> None:
    """Show every setting, its value and where that comes from. Secrets are masked.

    Flags win over DEBITOR_* variables, these over the TOML file, and that over the defaults.

    \b
    Example:
      DEBITOR_PORT=8000 debitor settings --json
    """
    rows = settings_of(config, **flags).rows()
    if json_form:
        print_json(rows)
    else:
        print_table(rows, ("name", "value", "source"))


@main.command()
@as_json
def version(json_form: bool) -> None:
    """Show the version.

    \b
    Example:
      debitor version --json
    """
    if json_form:
        print_json({"name": "debitor", "version": __version__})
    else:
        click.echo(f"debitor {__version__}")


for _command in MOVING:
    main.add_command(_command)


if __name__ == "__main__":
    main()
