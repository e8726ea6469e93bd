"""Records -> tables, indexes and triggers, and what an existing file lacks of them.

Every row of a company starts with `company`, which leads the clustered key and all indexes. Rules that books must
keep whoever writes, such as "a ledger entry never changes", are triggers, so they hold for other programs too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from debitor.schema import Column, Record
from debitor.store import StoreError
from debitor.store.dialect import SQLITE, Dialect
from debitor.store.rows import CREATED, FORMS, encode, literal

STATE = """CREATE TABLE IF NOT EXISTS debitor_store (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  schema_version INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT"""
"""The one row about the store itself. `version` is the last row version that was given."""

CHANGES = """CREATE TABLE IF NOT EXISTS debitor_deleted (
  company INTEGER NOT NULL,
  record TEXT NOT NULL,
  version INTEGER NOT NULL,
  id TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_version INTEGER NOT NULL,
  deleted_at TEXT NOT NULL,
  PRIMARY KEY (company, record, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS debitor_forgotten (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL
) STRICT"""
"""What is remembered of deleted rows, and the version up to which it was forgotten again."""
FROZEN = "frozen row"
"""How the message of a trigger begins."""
DUPLICATE = "UNIQUE constraint failed"
"""How SQLite's own message about a second row with unique values begins."""

_ROWS = 1_000_000
_DISTINCT = {"bool": 2, "enum": 5, "date": 1000, "datetime": 100_000, "code": 10_000}
"""Kind -> typical number of different values among that many rows; other kinds have nearly as many as rows."""
_NUMBERED = re.compile(r"(\d{4})-.+\.sql")


@dataclass(frozen=True)
class Table:
    """The statements that make one record's table.

    Attributes:
        name: table name.
        create: CREATE TABLE.
        columns: column name -> its definition, as CREATE TABLE and ALTER TABLE ADD COLUMN take it.
        others: name of an index or trigger -> its statement.
        statistics: name of an index (or of the table, for its key) -> what the planner is told about it.
    """

    name: str
    create: str
    columns: Mapping[str, str]
    others: Mapping[str, str]
    statistics: Mapping[str, str]


def table(record: Record) -> Table:
    """Return the statements for a record."""
    lead = ("company",) if record.by_company else ()
    columns = dict.fromkeys(lead, "INTEGER NOT NULL")
    columns |= {
        c.name: definition(c, SQLITE) + (f" CHECK ({rule})" if (rule := check(c)) else "") for c in record.columns
    }
    if record.tracked:
        columns[CREATED] = "INTEGER NOT NULL DEFAULT 0"
    body = [f'  "{name}" {definition}' for name, definition in columns.items()]
    body.append(f"  PRIMARY KEY ({names(lead + record.key)})")
    create = f'CREATE TABLE "{record.name}" (\n' + ",\n".join(body) + "\n) STRICT, WITHOUT ROWID"

    others: dict[str, str] = {}
    statistics = {record.name: _statistics(record, record.key, unique=True)}
    unique = unique_groups(record)
    for kind, groups in (("UNIQUE INDEX", unique), ("INDEX", record.indexes)):
        for group in groups:
            name = f"{record.name}__{'__'.join(group)}"
            others[name] = f'CREATE {kind} "{name}" ON "{record.name}" ({names(lead + group)})'
            statistics[name] = _statistics(record, group, unique=kind == "UNIQUE INDEX")
    if record.tracked:
        name = f"{record.name}__version"
        others[name] = f'CREATE INDEX "{name}" ON "{record.name}" ({names((*lead, "version"))})'
        statistics[name] = _statistics(record, ("version",), unique=True)
    others |= dict(_triggers(record, lead))
    return Table(record.name, create, columns, others, statistics)


def _statistics(record: Record, columns: Sequence[str], *, unique: bool) -> str:
    """Return how many rows an index has, and how many share its first column, its first two, and so on.

    These are typical figures instead of measured ones. Without any, SQLite takes `company` for a selective column
    and reads a whole company rather than use an index; measured ones would let plans change from day to day.
    """
    rows = _ROWS
    counts = [rows] + ([rows] if record.by_company else [])
    for column in columns:
        rows = max(rows // _DISTINCT.get(record.by_name[column].type.kind, _ROWS // 10), 1)
        counts.append(rows)
    if unique:
        counts[-1] = 1
    return " ".join(map(str, counts))


def definition(column: Column, dialect: Dialect) -> str:
    """Return how a column is declared, without its `check`."""
    blank = encode(column, column.default)
    default = dialect.blob(blank) if isinstance(blank, bytes) else literal(blank)
    return f"{dialect.types[FORMS[column.type.kind]]} NOT NULL DEFAULT {default}"


def check(column: Column) -> str:
    """Return the condition that every value of a column meets; "" when it takes any of its type."""
    return f'"{column.name}" IN (0, 1)' if FORMS[column.type.kind] == "bool" else ""


def names(columns: Iterable[str]) -> str:
    """Return columns as a list in SQL."""
    return ", ".join(f'"{c}"' for c in columns)


def unique_groups(record: Record) -> list[tuple[str, ...]]:
    """Return the column groups that are unique besides the key."""
    unique = list(record.unique)
    if record.key != ("id",) and ("id",) not in unique:
        unique.insert(0, ("id",))
    return unique


def _triggers(record: Record, lead: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    only = f' WHEN OLD."{record.frozen_when}" = 1' if record.frozen_when else ""
    whole = record.frozen == ("*",)

    def trigger(name: str, event: str, when: str, message: str, how: str = "ABORT") -> tuple[str, str]:
        name = f"{record.name}__{name}"
        return name, (
            f'CREATE TRIGGER "{name}" BEFORE {event} ON "{record.name}"{when} '
            f"BEGIN SELECT RAISE({how}, '{message}'); END"
        )

    frozen = f"{FROZEN}: {record.name} cannot be "

    if record.frozen:
        event = "UPDATE" if whole else f"UPDATE OF {names(record.frozen)}"
        yield trigger("frozen", event, only, f"{frozen}changed")
    if not record.deletable or (whole and not only):
        yield trigger("kept", "DELETE", "", f"{frozen}deleted")
    elif only:
        yield trigger("kept", "DELETE", only, f"{frozen}deleted")
    else:
        return
    # INSERT OR REPLACE deletes the row in its way without running the trigger above. FAIL: see Dialect.insert.
    posted = f' AND "{record.frozen_when}" = 1' if only and record.deletable else ""
    for group in (record.key, *unique_groups(record)):
        same = " AND ".join(f'"{c}" = NEW."{c}"' for c in lead + group)
        when = f' WHEN EXISTS (SELECT 1 FROM "{record.name}" WHERE {same}{posted})'  # noqa: S608 - declared names
        failed = ", ".join(f"{record.name}.{c}" for c in lead + group)
        yield trigger(f"replaced__{'__'.join(group)}", "INSERT", when, f"{DUPLICATE}: {failed}", "FAIL")


def fingerprint(tables: Iterable[Table]) -> str:
    """Return a short text that differs when any statement differs."""
    digest = hashlib.sha256((STATE + CHANGES).encode())
    for made in sorted(tables, key=lambda t: t.name):
        digest.update("\n".join((made.create, *made.others.values(), *made.statistics.values())).encode())
    return digest.hexdigest()[:32]


def missing(
    tables: Iterable[Table], there: Mapping[str, str], columns: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    """Yield the statements that bring an existing store to the declared one; none loses a row.

    Args:
        tables: what is declared.
        there: name of every index and trigger in the store -> its statement.
        columns: name of every table in the store -> its columns.
    """
    for made in tables:
        if made.name not in columns:
            yield made.create
        else:
            for name, definition in made.columns.items():
                if name not in columns[made.name]:
                    yield f'ALTER TABLE "{made.name}" ADD COLUMN "{name}" {definition}'
        for name, statement in made.others.items():
            if there.get(name) == statement:
                continue
            if name in there:
                yield f'DROP {"TRIGGER" if "CREATE TRIGGER" in there[name] else "INDEX"} "{name}"'
            yield statement
        for name, statement in there.items():
            # A trigger that is no longer declared would go on refusing; an index left over only costs time.
            gone = name.startswith(f"{made.name}__") and name not in made.others
            if gone and statement.startswith("CREATE TRIGGER"):
                yield f'DROP TRIGGER "{name}"'


def migrations(folder: Traversable | None = None) -> dict[int, str]:
    """Return number -> SQL of the numbered files, in order.

    Raises:
        StoreError: a number is missing or given twice.
    """
    folder = folder or resources.files(__package__) / "migrations"
    found = sorted((int(m[1]), f) for f in folder.iterdir() if (m := _NUMBERED.fullmatch(f.name)))
    numbers = [n for n, _ in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise StoreError(f"The migrations are numbered {numbers}; they must run from 1 without gaps.")
    return {n: f.read_text(encoding="utf-8") for n, f in found}
