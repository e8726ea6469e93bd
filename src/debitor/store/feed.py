"""What changed since some moment: rows by their version, and deleted rows from the list of them.

Every row carries the version of its last change, a number of the whole store that only grows, and an index finds rows
by it. So the cost of asking grows with the number of changes, not with the size of the table:

    journal_line     version 7, 12, 13                    changed after 11, up to 14 -> 12 13
    debitor_deleted  journal_line 14 (created at 9)                                  -> 14, gone

One transaction at a time writes to a store (SQLite) or to a company (PostgreSQL), and versions are given inside it,
so they become visible in their order: who reads `latest` first and rows afterwards misses nothing that has a greater
version.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import takewhile
from typing import Any

from debitor.schema import Record, Row, record_of
from debitor.store.dialect import Dialect
from debitor.store.rows import CREATED

NEXT_VERSION = "next_version"
"""SQLite's function that gives each row of one statement a version of its own."""
NUMBERED = "? + row_number() OVER ()"
"""The same where the versions are counted afterwards; its value: the last version given."""
_NEXT_LIST = """SELECT company, record FROM debitor_deleted WHERE (company, record) > (?, ?)
ORDER BY company, record LIMIT 1"""
_OLDEST = """SELECT version, deleted_at FROM debitor_deleted WHERE company = ? AND record = ?
ORDER BY version LIMIT ?"""
_FORGET = "DELETE FROM debitor_deleted WHERE company = ? AND record = ? AND version <= ?"

_RANGE = '{0}."version" >= ? AND ({0}."version" > ? OR {1} > ?) AND {0}."version" <= ?'

Run = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
"""Executes a statement and returns its rows."""


def _tracked(cls: type[Row]) -> Record:
    record = record_of(cls)
    assert record.tracked, f"changes of {record.name} are not kept"
    return record


def _company(record: Record, table: str) -> str:
    return f'{table}."company" = ?' if record.by_company else "? = 0"


@lru_cache(None)
def changed(cls: type[Row], by_owner: bool) -> tuple[str, str]:
    """Return the statements for the changed and for the deleted rows of a record.

    Their values: company, after, after, after key, up to, owner when `by_owner`, limit; the second takes the record's
    name first, and is "" where no row is ever deleted. They give (version, id, version the row began with).
    """
    record = _tracked(cls)
    assert record.owner or not by_owner, f"{record.name} has no owner"
    own = f' AND t."{record.owner}" = ?' if by_owner else ""
    owner = " AND t.owner = ?" if by_owner else ""
    within = _RANGE.format("t", 't."id"')
    live = (
        f'SELECT t."version", t."id", t."{CREATED}" FROM "{record.name}" AS t '  # noqa: S608 - declared names only
        f'WHERE {_company(record, "t")} AND {within}{own} ORDER BY t."version" LIMIT ?'
    )
    if not record.deletable:
        return live, ""
    return live, (
        f'SELECT t."version", t."id", t."{CREATED}" FROM debitor_deleted AS t '  # noqa: S608
        f"WHERE t.record = ? AND t.company = ? AND {within}{owner} ORDER BY t.version LIMIT ?"
    )


@lru_cache(None)
def led_to(
    dialect: Dialect, cls: type[Row], column: str, to: type[Row] | None, ours: str, filtered: bool = False
) -> tuple[str, str]:
    """Return the statements for what changed and what deleted rows of a record lead to by `column`.

    That is the rows of `to` whose column `ours` equals it
    (`filtered`: holds a filter on codes that names it), or, without `to`, the value itself. Values and rows as
    `changed` without owner. The second is "" when what is remembered of a deleted row leads nowhere.
    """
    record = _tracked(cls)
    known = {record.owner: "owner", "id": "id"}.get(column) if record.deletable else None
    live = _led_to(dialect, f'"{record.name}"', _company(record, "f"), column, to, ours, filtered)
    gone = "f.record = ? AND f.company = ?"
    return live, _led_to(dialect, "debitor_deleted", gone, known, to, ours, filtered) if known else ""


def _led_to(
    dialect: Dialect, table: str, where: str, column: str, to: type[Row] | None, ours: str, filtered: bool
) -> str:
    found, made, join = f'f."{column}"', "0", ""
    if to is not None:
        company = 't."company" = f."company" AND ' if record_of(to).by_company else ""
        # SQLite must not start at the side that has all rows.
        equal = f't."{ours}" = {found}'
        if filtered:
            ranges, low, high = dialect.ranges(f't."{ours}"')
            equal = f"t.\"{ours}\" <> '' AND EXISTS (SELECT 1 FROM {ranges} WHERE {found} BETWEEN {low} AND {high})"  # noqa: S608
        join = f'{dialect.from_few} "{record_of(to).name}" AS t ON {company}{equal} '
        found, made = 't."id"', f't."{CREATED}"'
    return (
        f'SELECT f."version", {found}, {made} FROM {table} AS f {join}'  # noqa: S608 - declared names only
        f'WHERE {where} AND {_RANGE.format("f", found)} ORDER BY f."version", {found} LIMIT ?'
    )


@lru_cache(None)
def remember(cls: type[Row], where: str, version: str = f"{NEXT_VERSION}()") -> str:
    """Return the statement that remembers rows about to be deleted; its values: the moment, then the condition's."""
    record = _tracked(cls)
    company = '"company"' if record.by_company else "0"
    owner = f'"{record.owner}"' if record.owner else "''"
    values = f'{version}, ?, {company}, \'{record.name}\', "id", {owner}, "{CREATED}"'
    columns = "version, deleted_at, company, record, id, owner, created_version"
    return f'INSERT INTO debitor_deleted ({columns}) SELECT {values} FROM "{record.name}" WHERE {where}'  # noqa: S608


def remember_many(dialect: Dialect, cls: type[Row]) -> str:
    """Return the statement that remembers many rows at once; row by row costs three times as much.

    Its values: the last version given, the moment, the company (if the record has one), the ids as a list.
    """
    company = '"company" = ? AND ' if record_of(cls).by_company else ""
    return remember(cls, company + dialect.among('"id"', "?", "text"), NUMBERED)


def forget(run: Run, dialect: Dialect, before: str, most: int) -> int:
    """Forget deletions older than a moment, `most` at once. Returns how many it forgot."""
    number = 0
    at: tuple[int, str] = (-1, "")
    while number < most and (found := run(_NEXT_LIST, at)):
        at = (found[0][0], found[0][1])
        oldest = run(_OLDEST, (*at, most - number))
        old = [version for version, _ in takewhile(lambda row: row[1] < before, oldest)]
        if old:
            run(_FORGET, (*at, old[-1]))
            run(dialect.forgotten_now, (at[0], old[-1]) if dialect.by_company else (old[-1],))
            number += len(old)
    return number
