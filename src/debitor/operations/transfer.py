"""Books as a stream of text: what `debitor export` writes and `debitor import` reads; see docs/operating/export.md.

    {"format": "debitor-export", "version": 1, "program": "0.1.0", "scope": "company", "created": "..."}
    {"company": {"id": "...", "name": "Fernweh Outdoor Trading", ...}}
    {"record": "customer", "columns": {"id": "guid", "modified_at": "datetime", "number": "code", ...}}
    ["5e7a...", "2026-01-31T09:30:00.120Z", "10400", ...]
    {"end": "customer", "rows": 1, "sha256": "..."}
    {"end": "export", "rows": 1, "sha256": "..."}

Everything goes row by row, through the store's own interface, so books of any size need little memory and can move
from one kind of store to another. Decimals are text, never float; dates and times ISO; bytes base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from debitor.ledger.records import Company
from debitor.operations.incoming import IncomingCompany, free_key
from debitor.operations.subscriptions import Subscription, SubscriptionDelivery
from debitor.query import Order, Query
from debitor.schema import (
    BLANK_GUID,
    RECORDS,
    Column,
    EntitySet,
    Property,
    Record,
    Refused,
    Row,
    record_of,
)
from debitor.store import DuplicateKey, Reader, Root

FORMAT, VERSION = "debitor-export", 1
PORTION = 500
"""Rows read at a time."""
NOT_MOVED = frozenset({"version"})
"""Columns that each store fills itself."""
TAKEN, TAKEN_BYTES = 2000, 4 << 20
"""Rows, and bytes of their lines, that are written at a time: some hundredths of a second."""
NEVER = frozenset({record_of(SubscriptionDelivery).name, record_of(IncomingCompany).name})
"""Records that mean something in their own store only: places in its history, imports under way."""

_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder().decode


class TransferError(Exception):
    """An export cannot be read or taken in; nothing of it is seen. The message says why."""


# --------------------------------------------------------------------------- out


def _columns(of: Record) -> list[Column]:
    return [column for column in of.columns if column.name not in NOT_MOVED]


def _query(of: Record) -> Query:
    """All columns of all rows of a record, by its key."""
    properties = tuple(Property(column.name, column.type, column.name) for column in _columns(of))
    made = EntitySet(name=f"all_{of.name}", entity=f"all_{of.name}", record=of.row, properties=properties, key=of.key)
    return Query(made, properties, order=tuple(Order(name) for name in of.key), version=False)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else format(Decimal(value), "f")


_OUT: Mapping[str, Callable[[Any], Any]] = {
    "decimal": _text,
    "factor": _text,
    "bytes": lambda value: base64.b64encode(value).decode(),
}
"""Kind -> what is written; other values go as they are."""


def _rows(reader: Reader, of: Record) -> Iterator[bytes]:
    """The lines of a record's rows."""
    writers = [_OUT.get(column.type.kind) for column in _columns(of)]
    for portion in reader.portions(_query(of), (), {}, PORTION):
        for row in portion:
            yield _encode([v if w is None else w(v) for v, w in zip(row, writers, strict=True)]) + b"\n"


def records(*, by_company: bool) -> list[Record]:
    """Return the records that move, by name."""
    return sorted(
        (r for r in RECORDS.values() if r.by_company == by_company and r.name not in NEVER), key=lambda r: r.name
    )


def export(root: Root, *, company: Company | None, program: str, created: str) -> Iterator[tuple[bytes, int]]:
    """Give the lines of an export, each with how many rows have gone so far.

    Args:
        root: a snapshot, so that all lines are of one moment.
        company: whose books; None for the whole store, with clients and their hashed secrets.
        program: the version that writes. created: when.
    """
    whole = sha256()
    count = 0

    def line(value: Any) -> tuple[bytes, int]:
        made = _encode(value) + b"\n"
        whole.update(made)
        return made, count

    scope = "store" if company is None else "company"
    yield line({"format": FORMAT, "version": VERSION, "program": program, "scope": scope, "created": created})

    def part(reader: Reader, of: Record) -> Iterator[tuple[bytes, int]]:
        nonlocal count
        yield line({"record": of.name, "columns": {c.name: c.type.kind for c in _columns(of)}})
        digest, before = sha256(), count
        for made in _rows(reader, of):
            digest.update(made)
            whole.update(made)
            count += 1
            yield made, count
        yield line({"end": of.name, "rows": count - before, "sha256": digest.hexdigest()})

    if company is None:
        for of in records(by_company=False):
            if of.row is not Company:
                yield from part(root, of)
    for each in root.all(Company, order=("key",)) if company is None else [company]:
        about = {c.name: getattr(each, c.name) for c in _columns(record_of(Company))}
        yield line({"company": about})
        for of in records(by_company=True):
            yield from part(root.at(each.key), of)
    yield _encode({"end": "export", "rows": count, "sha256": whole.hexdigest()}) + b"\n", count


# --------------------------------------------------------------------------- in

_IN: Mapping[str, Callable[[Any], Any]] = {
    "decimal": Decimal,
    "factor": Decimal,
    "date": date.fromisoformat,
    "bytes": base64.b64decode,
}


def take_in(
    begin: Callable[[], AbstractContextManager[Root]],
    lines: Iterable[bytes],
    *,
    rename: str = "",
    told: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Take in an export. Returns the names of its companies.

    A company is there when this returns, and not before. When this raises, what `begin` has committed is left behind:
    an `IncomingCompany` and, under its key, rows that nobody sees.

    Args:
        begin: gives a transaction, again and again; or each time the same one, which whoever calls commits only when
            this returns. The first is short, unless the export is one of a whole store: that takes no other.
        lines: of the export.
        rename: the company gets this name, and an id of its own if there is one with its id already.
        told: is told how many rows were taken so far.

    Raises:
        TransferError: the export is damaged, cut, of a newer version, or does not fit these books.
    """
    number = 0
    with ExitStack() as stack:
        taker = _Taker(begin, stack, rename)
        try:
            for text in lines:
                number += 1
                taker.take(text)
                told(taker.count)
        except DuplicateKey as error:
            raise TransferError(f"Line {number}: {error}. The export holds a row twice.") from error
        except (ValueError, KeyError, TypeError, ArithmeticError, msgspec.DecodeError) as error:
            raise TransferError(f"Line {number} is not one of a debitor export: {error}") from error
        taker.finish()
    return [company.name for company in taker.companies]


class _Taker:
    """Takes line after line. `companies`: as they will be."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Root]], stack: ExitStack, rename: str) -> None:
        self.begin, self.stack, self.rename = begin, stack, rename
        self.scope = ""
        self.whole, self.digest = sha256(), sha256()
        self.count = self.before = 0
        self.ended = False
        self.companies: list[Company] = []
        self.of: Record | None = None
        self.names: tuple[str, ...] = ()
        self.readers: list[Callable[[Any], Any] | None] = []
        self.rows: list[Row] = []
        self.bytes = 0

    def take(self, text: bytes) -> None:
        """Take a line."""
        if self.ended:
            raise TransferError("There is something behind the end of the export.")
        if text[:1] == b"[":
            self._row(text)
            return
        line = _decode(text)
        if not isinstance(line, dict):
            raise ValueError("neither an object nor a row")
        if not self.scope:
            self._begin(line)
        elif line.get("end") == "export":
            if (line["rows"], line["sha256"]) != (self.count, self.whole.hexdigest()):
                raise TransferError("The export was changed: its checksum is another one.")
            self.ended = True
        elif "end" in line:
            self._end(line)
        elif "record" in line:
            self._record(line)
        else:
            self._company(line["company"])
        self.whole.update(text)

    def _begin(self, line: dict[str, Any]) -> None:
        if line.get("format") != FORMAT:
            raise TransferError("This is no debitor export.")
        if line["version"] > VERSION:
            raise TransferError(
                f"The export has version {line['version']} of the format and this debitor knows up to {VERSION}; "
                f"take it in with debitor {line['program']} or newer."
            )
        self.scope = line["scope"]
        if self.scope == "store":
            if self.rename:
                raise TransferError("This is an export of a whole store; its companies keep their names.")
            # Its clients could sign in before it is whole. Nobody works in empty books, so nobody has to wait.
            root = self.stack.enter_context(self.begin())
            self.begin = lambda: nullcontext(root)
            if root.count(Company):
                raise TransferError("An export of a whole store goes into empty books; these have companies.")
            root.delete_where(IncomingCompany)

    def _company(self, about: dict[str, Any]) -> None:
        with self.begin() as root:
            company = Company(**{**about, "name": self.rename or about["name"]})
            company = self._fitting(root, company)
            if self.scope == "company":
                company = replace(company, key=free_key(root))
            root.insert(IncomingCompany(key=company.key, name=company.name))
        self.companies.append(company)

    def _fitting(self, root: Root, company: Company) -> Company:
        """Return a company with a name and an id that no other has. Raises TransferError."""
        name, id = company.name, company.id
        there = root.all(Company)
        if any(other.name.lower() == name.lower() for other in there):
            raise TransferError(f"There is a company {name} already; give the new one another name with --as.")
        if any(other.id == id for other in there):
            if not self.rename:
                raise TransferError(f"There is a company with the id {id} already; give a name with --as to copy it.")
            return replace(company, id=BLANK_GUID)
        return company

    def _record(self, line: dict[str, Any]) -> None:
        of = RECORDS.get(line["record"])
        if of is None or of.name in NEVER:
            raise TransferError(f"This debitor knows no record {line['record']}; a newer one made the export.")
        if of.by_company and not self.companies:
            raise TransferError(f"The record {of.name} belongs to a company, but none was named before.")
        kinds = {column.name: column.type.kind for column in _columns(of)}
        for name, kind in line["columns"].items():
            if kinds.get(name) != kind:
                raise TransferError(
                    f"This debitor knows no column {name} ({kind}) of {of.name}; another version made the export."
                )
        self.of, self.names = of, tuple(line["columns"])
        self.readers = [_IN.get(kind) for kind in line["columns"].values()]
        self.digest, self.before = sha256(), self.count

    def _row(self, text: bytes) -> None:
        if self.of is None:
            raise TransferError("There is a row outside of a record.")
        values = _decode(text)
        made = {n: v if r is None else r(v) for n, v, r in zip(self.names, values, self.readers, strict=True)}
        self.rows.append(self.of.row(**made))
        self.digest.update(text)
        self.whole.update(text)
        self.count += 1
        self.bytes += len(text)
        if len(self.rows) >= TAKEN or self.bytes >= TAKEN_BYTES:
            self._write()

    def _write(self) -> None:
        if self.rows and self.of is not None:
            with self.begin() as root:
                (root.at(self.companies[-1].key) if self.of.by_company else root).insert_as_is(self.rows)
        self.rows, self.bytes = [], 0

    def _end(self, line: dict[str, Any]) -> None:
        if self.of is None or line["end"] != self.of.name:
            raise TransferError(f"The end of {line['end']} stands where it does not belong.")
        if (line["rows"], line["sha256"]) != (self.count - self.before, self.digest.hexdigest()):
            raise TransferError(f"The rows of {self.of.name} were changed: their checksum is another one.")
        self._write()
        self.of = None

    def finish(self) -> None:
        """Refuse an export that was cut. Let its companies be there; subscriptions begin where these books begin."""
        if not self.scope:
            raise TransferError("The export is empty.")
        if not self.ended:
            raise TransferError("The export is not whole: its end is missing.")
        with self.begin() as root:
            for company in self.companies:
                # From here on nobody else makes a company; but somebody may have, meanwhile.
                if not root.delete_where(IncomingCompany, key=company.key):
                    raise TransferError("Others took in a whole store meanwhile.")
                row = self._fitting(root, company)
                if row.id == BLANK_GUID:
                    root.insert(row)
                else:
                    root.insert_as_is([row])
            if self.scope == "store":
                for of in root.all(Subscription):
                    told = root.at(of.company_key).newest()
                    root.insert(SubscriptionDelivery(subscription_id=of.subscription_id, told=told, told_at=root.now))


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the lines of a text that comes in pieces, each with its end."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def company_named(root: Root, name: str) -> Company:
    """Return the company with a name, in any letter case. Raises Refused."""
    found: Sequence[Company] = [c for c in root.all(Company) if c.name.lower() == name.lower()]
    if not found:
        known = ", ".join(company.name for company in root.all(Company)) or "none"
        raise Refused("Internal_RecordNotFound", f"There is no company {name}. There are: {known}.")
    return found[0]
