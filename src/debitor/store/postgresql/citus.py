"""Spreading the tables over the machines of a Citus cluster, by company.

Every row belongs to one company, `company` leads every key, and all tables lie alike: so what a request reads and
writes is on one machine. The few tables of the whole store (companies, clients, keys, subscriptions) are small, and a
copy of them is on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from debitor.schema import Record
from debitor.store import StoreError
from debitor.store.postgresql.link import Link

FIRST = "debitor_clock"
"""The table that the others lie with."""
BESIDE = ("debitor_forgotten", "debitor_deleted")
"""What each store has by company besides the tables of records."""
STORE = ("debitor_store", "debitor_made")
"""What is asked for when a server starts only; it stays where it is."""
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
    found = link.execute("SELECT extversion::text FROM pg_extension WHERE extname = 'citus'").fetchall()
    if not found:
        raise StoreError(
            "The database has no Citus: CREATE EXTENSION citus in it on the coordinator, and add the workers, first."
        )
    version = found[0][0]
    if int(version.partition(".")[0]) < OLDEST:
        raise StoreError(f"Citus {version} is too old; debitor needs {OLDEST} or newer.")
    there = frozenset(
        name for (name,) in link.execute("SELECT logicalrelid::regclass::text FROM pg_dist_partition").fetchall()
    )
    there = frozenset(name.strip('"') for name in there)
    for sql, values in statements(records, there, shards):
        link.execute(sql, values)
    every = {FIRST, *BESIDE, *(r.name for r in records)}
    return sorted(every - there)
