"""On a real cluster: where tables lie, that requests stay on one machine, that nothing is lost when companies move.

DEBITOR_TEST_CITUS names a database on its coordinator; without it these tests are left out, and what can be known
without a cluster is tested in test_one_shard.py and test_apart.py.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from debitor import identity
from debitor.apis import APIS
from debitor.app import App
from debitor.host import BooksHost
from debitor.odata.service import Service
from debitor.operations.companies import create_company
from debitor.schema import RECORDS
from debitor.store import Store, StoreError
from debitor.store.opening import distribute, open_store
from debitor.store.postgresql import citus
from postgresql import CITUS, empty_books, empty_schema, run
from store.shelves import SHELVES, Country
from store.test_one_shard import TODAY, ask, spread_tables

pytestmark = pytest.mark.skipif(not CITUS, reason="needs a cluster: DEBITOR_TEST_CITUS names its coordinator")

_LIE = (
    "SELECT c.relname::text, p.partmethod::text, CAST(p.colocationid AS bigint) FROM pg_dist_partition AS p "
    "JOIN pg_class AS c ON c.oid = p.logicalrelid WHERE c.relnamespace = to_regnamespace(current_schema())"
)
_PREPARED = "SELECT CAST(max(CAST(split_part(gid, '_', 4) AS bigint)) AS bigint) FROM pg_dist_transaction"
"""Each commit in two phases leaves a note on the coordinator."""
_MULTI = "SELECT query_execution_multi_shard FROM citus_stat_counters WHERE name = current_database()"


@pytest.fixture
def url() -> str:
    return empty_books()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = open_store(url, records=SHELVES)
    yield made
    made.close()


def insert(code: str, *companies: int) -> Callable[[Any], str]:
    def job(root: Any) -> str:
        for company in companies:
            root.at(company).insert(Country(code=code))
        return code

    return job


def codes(store: Store, company: int) -> list[str]:
    return [c.code for c in store.reader().at(company).all(Country, order=("code",))]


def counted(url: str, sql: str) -> int:
    number = run(url, sql)[0][0]
    assert isinstance(number, int)
    return number


def test_every_table_is_spread_or_copied(url: str) -> None:
    open_store(url).close()
    lie = {str(name): (method, together) for name, method, together in run(url, _LIE)}

    by_company = {name: lie[name] for name in spread_tables()}
    assert len(set(by_company.values())) == 1, "they all lie alike"
    assert {method for method, _ in by_company.values()} == {"h"}
    assert {lie[r.name][0] for r in RECORDS.values() if not r.by_company} == {"n"}
    assert not set(citus.STORE) & set(lie)


def test_a_store_that_is_in_use_is_spread_with_its_rows() -> None:
    url = empty_schema()
    store = open_store(url, records=SHELVES)
    with store.transaction() as root:
        root.at(1).insert_many([Country(code=f"C{n}") for n in range(9)])
    distribute(url, shards=4, records=SHELVES)

    assert codes(store, 1) == [f"C{n}" for n in range(9)]
    asyncio.run(_written(store, insert("LATER", 1)))
    assert codes(store, 1) == [*(f"C{n}" for n in range(9)), "LATER"]
    assert distribute(url, shards=4, records=SHELVES) == []
    store.close()


async def _written(store: Store, *jobs: Callable[[Any], str]) -> list[str]:
    return list(await asyncio.gather(*map(store.write, jobs)))


def test_a_table_that_a_later_version_adds_is_spread_with_the_others(url: str) -> None:
    open_store(url, records=SHELVES[:2]).close()
    open_store(url, records=SHELVES).close()
    lie = {name for name, _, _ in run(url, _LIE)}

    assert {r.name for r in SHELVES} <= lie


def test_requests_of_every_kind_stay_on_one_machine_and_commit_at_once(url: str) -> None:
    """As the cluster itself counts them."""
    counting = f"{url}%20-ccitus.enable_stat_counters%3Don"
    store = open_store(counting)
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=3600)
        identity.register_client(root, name="x", client_id="dev", secret="a secret that is long enough")
        company = create_company(root, name="Demo", today=TODAY, demo=True)
    asker = identity.Authenticator(store, issuer="http://x/v2.0", lifetime=3600)
    services = {api.root: Service(BooksHost(catalog=api.catalog, today=lambda: TODAY)) for api in APIS}
    app = App(services.pop(APIS[0].root), store, asker, origin="http://127.0.0.1", others=services)
    before, single = counted(url, _MULTI), counted(url, _MULTI.replace("multi", "single"))
    prepared = counted(url, _PREPARED)
    assert prepared, "the company was made together with the keys, which lie on every machine"
    asyncio.run(ask(app, company.id))
    store.close()
    asker.close()

    assert counted(url, _PREPARED) == prepared
    assert counted(url, _MULTI) == before
    assert counted(url, _MULTI.replace("multi", "single")) > single + 300


def test_no_request_is_committed_in_two_phases(store: Store, url: str) -> None:
    asyncio.run(_written(store, insert("BOTH", *range(1, 9))))
    before = counted(url, _PREPARED)
    assert before, "a job of many companies is one"
    asyncio.run(_written(store, *(insert(f"C{n:03}", 1 + n % 8) for n in range(200))))

    assert counted(url, _PREPARED) == before
    assert sum(len(codes(store, company)) for company in range(1, 9)) == 8 + 200


@pytest.mark.parametrize("how", ["isolate", "move"])
def test_nothing_is_lost_while_a_company_moves(store: Store, url: str, how: str) -> None:
    asyncio.run(_written(store, *(insert("FIRST", n) for n in (1, 2, 3))))

    def move() -> None:
        if how == "isolate":
            run(url, "SELECT isolate_tenant_to_new_shard('debitor_clock', 1, 'CASCADE', "
                     "shard_transfer_mode => 'block_writes')")  # fmt: skip
            return
        shard, host, port = run(
            url,
            "SELECT CAST(shardid AS bigint), nodename, CAST(nodeport AS bigint) FROM citus_shards "
            "WHERE shardid = get_shard_id_for_distribution_column('debitor_clock', 1) LIMIT 1",
        )[0]
        other, there = run(
            url,
            "SELECT nodename, CAST(nodeport AS bigint) FROM pg_dist_node WHERE shouldhaveshards "
            f"AND (nodename, nodeport) <> ('{host}', {port}) LIMIT 1",
        )[0]
        run(url, f"SELECT citus_move_shard_placement({shard}, '{host}', {port}, '{other}', {there}, 'block_writes')")

    async def main() -> int:
        moving = asyncio.ensure_future(asyncio.to_thread(move))
        n, until = 0, time.monotonic() + 120
        while not moving.done():
            assert time.monotonic() < until, "it takes too long"
            await _written(store, *(insert(f"M{n:04}", company) for company in (1, 2, 3)))
            n += 1
        await moving
        return n

    written = asyncio.run(main())

    assert [codes(store, company) for company in (1, 2, 3)] == [
        ["FIRST", *(f"M{n:04}" for n in range(written))] for _ in range(3)
    ]


def test_connections_to_machines_that_are_lost_are_made_anew(store: Store, url: str) -> None:
    """The coordinator stays; what lies behind it goes, as when a worker is restarted."""
    end = (
        "SELECT run_command_on_workers($$SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name LIKE 'citus_internal%'$$)"
    )
    kept: list[str] = []

    async def writer(name: str) -> None:
        for n in range(40):
            code = f"{name}{n:02}"
            while code not in kept:
                try:
                    kept.append(await store.write(insert(code, 1)))
                except StoreError as error:
                    if not re.search("reach|perhaps|lost", str(error)):
                        raise
                    if code in codes(store, 1):
                        kept.append(code)

    async def main() -> None:
        writers = [asyncio.ensure_future(writer(name)) for name in "ABCDEFGH"]
        for _ in range(3):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(run, url, end)
        await asyncio.gather(*writers)

    asyncio.run(main())
    assert codes(store, 1) == sorted(kept)
    assert len(kept) == 320
