"""The physical limit: the least Python server that does the same durable work as a POST of a customer payment.

It decodes JSON, inserts one row with group commit (SQLite, WAL, synchronous=FULL), answers 201 after the commit, and
serves the row back. No authentication, no validation, no routing table: a floor to measure against, not a product.

    python -m bench.limit PORT DATABASE              a file, or postgresql://... for the same over PostgreSQL
"""

from __future__ import annotations

import asyncio
import datetime
import os
import sys
from typing import Any

import apsw
import msgspec

JOURNAL = "11111111-1111-1111-1111-111111111111"
COMPANY = "22222222-2222-2222-2222-222222222222"
PATH = f"/api/v2.0/companies({COMPANY})/customerPaymentJournals({JOURNAL})/customerPayments"
BATCH_PATH = "/api/v2.0/$batch"
CONTEXT = f"http://127.0.0.1/api/v2.0/$metadata#companies({COMPANY})/customerPayments"
COLUMNS = "line, id, customer, posting_date, document, amount, invoice, description, modified"
SCHEMA = """
create table if not exists payment(line integer primary key, id text not null unique, customer text not null,
  posting_date text not null, document text, amount text not null, invoice text, description text, modified text);
create index if not exists payment_customer on payment(customer, posting_date);
"""


class Payment(msgspec.Struct):
    """The body of a POST."""

    customerNumber: str
    postingDate: datetime.date
    documentNumber: str
    amount: msgspec.Raw
    appliesToInvoiceNumber: str = ""
    description: str = ""


class Part(msgspec.Struct):
    """One operation of a batch."""

    id: str
    body: Payment


class Batch(msgspec.Struct):
    """The body of a $batch."""

    requests: list[Part]


decode = msgspec.json.Decoder(Payment).decode
decode_batch = msgspec.json.Decoder(Batch).decode
encode = msgspec.json.Encoder().encode


def connect(path: str) -> apsw.Connection:
    """Open the database as debitor does."""
    connection = apsw.Connection(path)
    connection.set_busy_timeout(10_000)
    for pragma in ("journal_mode=wal", "synchronous=full", "cache_size=-32768", "wal_autocheckpoint=4000"):
        connection.execute(f"pragma {pragma}").fetchall()
    return connection


class Rows:
    """Inserts that share a commit: the loop collects, a thread commits, the loop resolves."""

    def __init__(self, path: str) -> None:
        self.writer, self.reader = connect(path), connect(path)
        self.writer.execute(SCHEMA)
        self.line: Any = self.writer.execute("select coalesce(max(line), 0) from payment").fetchall()[0][0]
        self.waiting: list[tuple[list[tuple[Any, ...]], asyncio.Future[None]]] = []
        self.busy = False

    def row(self, payment: Payment) -> tuple[Any, ...]:
        """A new row for a payment."""
        self.line += 1
        raw = os.urandom(16).hex()
        identifier = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        return (
            self.line, identifier, payment.customerNumber, payment.postingDate.isoformat(), payment.documentNumber,
            bytes(payment.amount).decode(), payment.appliesToInvoiceNumber, payment.description, now,
        )  # fmt: skip

    async def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Return when the rows are on disk."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self.waiting.append((rows, done))
        if not self.busy:
            self.busy = True
            loop.call_soon(self.flush, loop)
        await done

    def read(self, condition: str, value: str) -> list[tuple[Any, ...]]:
        """The rows that fulfil a condition on one value."""
        return self.reader.execute(f"select {COLUMNS} from payment where {condition}", (value,)).fetchall()

    def begin(self, rows: list[tuple[Any, ...]]) -> None:
        """Write rows before the thread takes over."""
        self.writer.execute("begin immediate")
        self.writer.executemany(f"insert into payment({COLUMNS}) values (?,?,?,?,?,?,?,?,?)", rows)

    def commit(self, _rows: list[tuple[Any, ...]]) -> None:
        """Make them durable, in the thread."""
        self.writer.execute("commit")

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits and commit it in a thread."""
        group, self.waiting = self.waiting, []
        added = [row for rows, _ in group for row in rows]
        self.begin(added)

        def commit() -> None:
            self.commit(added)
            loop.call_soon_threadsafe(resolve)

        def resolve() -> None:
            for _, done in group:
                if not done.done():
                    done.set_result(None)
            self.busy = bool(self.waiting)
            if self.busy:
                self.flush(loop)

        POOL.submit(commit)


class PostgresqlRows(Rows):
    """The same over PostgreSQL: a group is one statement and one commit, both in the thread."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.writing = psycopg.connect(url, autocommit=True)
        self.reading = psycopg.connect(url, autocommit=True)
        for statement in SCHEMA.split(";"):
            if statement.strip():
                self.writing.execute(statement.replace("line integer", "line bigint"))
        found = self.writing.execute("select coalesce(max(line), 0) from payment").fetchone()
        assert found is not None
        self.line = found[0]
        self.waiting, self.busy = [], False
        kinds = ["bigint", *["text"] * 8]
        self.insert = (
            f"insert into payment({COLUMNS}) select * from unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"
        )

    def read(self, condition: str, value: str) -> list[tuple[Any, ...]]:
        """The rows that fulfil a condition on one value."""
        sql: Any = f"select {COLUMNS} from payment where {condition}".replace("?", "%s")
        return self.reading.execute(sql, (value,), prepare=True).fetchall()

    def begin(self, rows: list[tuple[Any, ...]]) -> None:
        """Everything is done in the thread."""

    def commit(self, rows: list[tuple[Any, ...]]) -> None:
        """Write and make durable."""
        sql: Any = self.insert
        self.writing.execute(sql, [list(column) for column in zip(*rows, strict=True)], prepare=True)


POOL: Any = None
rows: Rows


def entity(row: tuple[Any, ...]) -> dict[str, Any]:
    """The JSON object of a row, with all the properties of a customer payment."""
    return {
        "@odata.etag": 'W/"JzE5OzExODA0MDgxNzQ2NzE0MDg5Mzk2MTswMDsn"', "id": row[1], "journalId": JOURNAL,
        "journalDisplayName": "BENCH", "lineNumber": row[0] * 10000,
        "customerId": "33333333-3333-3333-3333-333333333333", "customerNumber": row[2], "postingDate": row[3],
        "documentNumber": row[4], "externalDocumentNumber": "", "amount": msgspec.Raw(row[5].encode()),
        "appliesToInvoiceId": "00000000-0000-0000-0000-000000000000", "appliesToInvoiceNumber": row[6],
        "description": row[7], "comment": "", "lastModifiedDateTime": row[8],
    }  # fmt: skip


async def answer(method: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
    """Handle one request."""
    if method == "POST" and path == BATCH_PATH:
        parts = decode_batch(body).requests
        made = [rows.row(part.body) for part in parts]
        await rows.add(made)
        out = [
            {"id": part.id, "status": 201, "headers": {"content-type": "application/json"}, "body": entity(row)}
            for part, row in zip(parts, made, strict=True)
        ]
        return 200, encode({"responses": out})
    if method == "POST":
        row = rows.row(decode(body))
        await rows.add([row])
        return 201, encode({"@odata.context": CONTEXT + "/$entity", **entity(row)})
    if path == PATH:
        at = query.index("customerNumber%20eq%20'") + 23
        found = rows.read("customer = ? order by posting_date desc limit 20", query[at : query.index("'", at)])
        return 200, encode({"@odata.context": CONTEXT, "value": [entity(row) for row in found]})
    if path == "/echo":
        return 200, b'{"hello":"world"}'
    one = rows.read("id = ?", path[len(PATH) + 1 : -1])
    return 200, encode({"@odata.context": CONTEXT + "/$entity", **entity(one[0])})


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    body = b""
    if scope["method"] == "POST":
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
    status, out = await answer(scope["method"], scope["path"], scope["query_string"].decode(), body)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(out))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": out})


def main() -> None:
    """Serve on the port given, from the database given."""
    global rows, POOL
    from concurrent.futures import ThreadPoolExecutor

    import uvloop
    from granian.constants import Interfaces
    from granian.server.embed import Server

    port, path = int(sys.argv[1]), sys.argv[2]
    rows = PostgresqlRows(path) if path.startswith("postgres") else Rows(path)
    POOL = ThreadPoolExecutor(1)
    uvloop.run(Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False).serve())


if __name__ == "__main__":
    main()
