"""Spreading the tables over the machines of a Citus cluster, by company.

Every row belongs to one company, `company` leads every key, and all tables lie alike: so what a request reads and
writes is on one machine. The few tables of the whole store (companies, clients, keys, subscriptions) are small, and a
copy of them is on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from debitor.schema import Record
from debitor.store import StoreError
from debitor.store.postgresql import upgrade
from debitor.store.postgresql.link import Link

FIRST = "debitor_clock"
"""The table that the others lie with."""
BESIDE = ("debitor_forgotten", "debitor_deleted")
"""What each store has by company besides the tables of records."""
STORE = ("debitor_store", "debitor_made")
"""What is asked for when a server starts only; it stays where it is."""
_THERE = (
    "SELECT c.relname::text FROM pg_dist_partition AS p JOIN pg_class AS c ON c.oid = p.logicalrelid "
    "WHERE c.relnamespace = to_regnamespace(current_schema())"
)
_PART = re.compile(r"((.+?)(?:_[0-9a-f]{8})?)_[0-9]+")
_QUOTED = re.compile(r'"([^"]+)"')
_CUT_FROM = 44
"""Names that are shorter are never cut: 63 without a hash and a number of nine digits."""
OLDEST = 12
"""The first version of Citus with all that is used here."""


def statements(
    records: Sequence[Record], there: frozenset[str], shards: int
) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield what spreads the tables that are not spread yet, with values.

    Args:
        there: the tables that Citus has spread already.
        shards: how many parts; they can be moved between machines, not split by us.
    """
    # The triggers that freeze ledgers look at nothing but the row: they may run where it lies.
    yield "SET citus.enable_unsafe_triggers TO on", ()
    if FIRST not in there:
        yield "SELECT create_distributed_table(?, 'company', shard_count => CAST(? AS integer))", (FIRST, shards)
    for name in (*BESIDE, *(r.name for r in records if r.by_company)):
        if name not in there:
            yield "SELECT create_distributed_table(?, 'company', colocate_with => ?)", (name, FIRST)
    for name in (r.name for r in records if not r.by_company):
        if name not in there:
            yield "SELECT create_reference_table(?)", (name,)


def distribute(link: Link, records: Sequence[Record], shards: int) -> list[str]:
    """Spread the tables. Returns the names of those that were not spread before.

    Raises:
        StoreError: the database has no Citus, or one that is too old.
        Failed, Broken: the server says no.
    """
    version = installed(link)
    if not version:
        raise StoreError(
            "The database has no Citus: CREATE EXTENSION citus in it on the coordinator, and add the workers, first."
        )
    if int(version.partition(".")[0]) < OLDEST:
        raise StoreError(f"Citus {version} is too old; debitor needs {OLDEST} or newer.")
    with upgrade.alone(link):
        return _spread(link, records, shards)


def follow(link: Link, records: Sequence[Record]) -> None:
    """Spread the tables that an upgrade has added, if the others are spread. Raises Failed, Broken."""
    if installed(link) and FIRST in _there(link):
        _spread(link, records, 0)


def installed(link: Link) -> str:
    """Return the version of Citus in the database, or "". Raises Failed, Broken."""
    found = link.execute("SELECT extversion::text FROM pg_extension WHERE extname = 'citus'").fetchall()
    return str(found[0][0]) if found else ""


def named(told: str, name: str) -> bool:
    """Whether an error that names a table or an index means this one.

    A part of a table has the name of the whole with a number behind it: `customer_102008`. Of a name that gets too
    long so, only the beginning and a hash are left.
    """
    if told == name:
        return True
    part = _PART.fullmatch(told)
    return part is not None and (part[1] == name or (len(name) >= _CUT_FROM and name.startswith(part[2])))


def constraint_in(message: str) -> str:
    """Return the constraint that a message names, in English and the many languages that quote so, or ""."""
    found = _QUOTED.search(message)
    return found[1] if found else ""


def _there(link: Link) -> frozenset[str]:
    """Return the tables of this schema that Citus has spread."""
    return frozenset(name for (name,) in link.execute(_THERE).fetchall())


def _spread(link: Link, records: Sequence[Record], shards: int) -> list[str]:
    there = _there(link)
    for sql, values in statements(records, there, shards):
        link.execute(sql, values)
    return sorted({FIRST, *BESIDE, *(r.name for r in records)} - there)
