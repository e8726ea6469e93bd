"""Where companies may lie on several machines, no commit is of more than one, unless a request itself is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backends import only_postgresql
from debitor.store import Store
from debitor.store.opening import open_store
from debitor.store.postgresql import store as module
from debitor.store.postgresql.session import PostgresqlWriting
from store.shelves import SHELVES, Country

pytestmark = only_postgresql


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[int]]:
    """The companies of each commit, on a server that says that it is one of many."""
    monkeypatch.setattr(module, "history_of", lambda link: "")
    found: list[frozenset[int]] = []
    commit = PostgresqlWriting.commit

    def noted(self: PostgresqlWriting) -> None:
        found.append(frozenset(self.written))
        commit(self)

    monkeypatch.setattr(PostgresqlWriting, "commit", noted)
    return found


@pytest.fixture
def spread(url: str, committed: list[frozenset[int]]) -> Iterator[Store]:
    store = open_store(url, records=SHELVES)
    committed.clear()
    yield store
    store.close()


def insert(code: str, *companies: int) -> Callable[[Any], str]:
    def job(root: Any) -> str:
        for company in companies:
            root.at(company).insert(Country(code=code))
        return code

    return job


def codes(store: Store, company: int) -> list[str]:
    return [c.code for c in store.reader().at(company).all(Country, order=("code",))]


def test_a_group_is_of_one_company(spread: Store, committed: list[frozenset[int]]) -> None:
    async def main() -> list[str]:
        return await asyncio.gather(*(spread.write(insert(f"C{n:03}", 1 + n % 5)) for n in range(200)))

    assert asyncio.run(main()) == [f"C{n:03}" for n in range(200)]
    assert {len(companies) for companies in committed} == {1}
    assert len(committed) < 100, "each company has groups of its own"
    for company in range(1, 6):
        assert codes(spread, company) == [f"C{n:03}" for n in range(200) if 1 + n % 5 == company]


def test_a_job_of_two_companies_is_committed_with_nobody_elses(
    spread: Store, committed: list[frozenset[int]]
) -> None:
    async def main() -> None:
        jobs = [insert(f"C{n}", 1 + n % 3) for n in range(30)]
        jobs[10:10] = [insert("BOTH", 2, 1), insert("BACK", 1, 2), insert("HELD", 3, 2)]
        await asyncio.gather(*map(spread.write, jobs))

    asyncio.run(main())

    assert set(committed) <= {frozenset(each) for each in ({1}, {2}, {3}, {1, 2}, {2, 3})}
    for company, code in ((1, "BOTH"), (2, "BOTH"), (1, "BACK"), (2, "BACK"), (2, "HELD"), (3, "HELD")):
        assert code in codes(spread, company)
    assert sum(len(codes(spread, company)) for company in (1, 2, 3)) == 30 + 6


def test_what_a_job_wrote_before_it_had_to_wait_is_not_kept_twice(
    spread: Store, committed: list[frozenset[int]]
) -> None:
    """It is the third of a group, writes in the company of the group, and then needs another."""

    async def main() -> list[str]:
        jobs = insert("A", 1), insert("B", 1), insert("C", 1, 2), insert("D", 1), insert("E", 2)
        return list(await asyncio.gather(*map(spread.write, jobs)))

    assert asyncio.run(main()) == ["A", "B", "C", "D", "E"]
    assert codes(spread, 1) == ["A", "B", "C", "D"]
    assert codes(spread, 2) == ["C", "E"]
