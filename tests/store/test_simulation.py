"""The writer of SQLite and its group commit, with one failure at every step there is.

The store's worker is run by the loop itself, so nothing depends on threads or time: a seed gives the same history
each time. A history of jobs (some write, some read, some refuse, some are cancelled, one is long) runs once without
a failure to count the statements that the writer sends; then once for every statement, which fails in one of the ways
in which SQLite fails. Whatever happens: a job that was answered with a value is in the file once and whole, one that
was answered with an error is not, no job hangs, and the store takes writes again.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from debitor.store import StoreError
from debitor.store.sqlite import SqliteStore
from debitor.store.sqlite_session import SqliteRootSession
from store.shelves import SHELVES, Country, Entry

SEED = int(os.environ.get("DEBITOR_SIMULATION_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
"""Another one in each run; a failure tells it."""
HISTORIES = int(os.environ.get("DEBITOR_SIMULATIONS", "6"))

FAILURES: tuple[tuple[type[apsw.Error], bool], ...] = (
    (apsw.FullError, True),
    (apsw.IOError, True),
    (apsw.IOError, False),
    (apsw.ReadOnlyError, False),
    (apsw.BusyError, False),
    (apsw.NoMemError, True),
)
"""What SQLite raises, and whether it rolls back the whole transaction by itself then."""


class Refusal(Exception):
    """A business rule says no."""


@dataclass
class Fault:
    """The statement that fails, counted from 1; 0 for none."""

    at: int = 0
    kind: type[apsw.Error] = apsw.FullError
    rolls_back: bool = False
    seen: int = 0
    statements: list[str] = field(default_factory=list)

    def step(self, cursor: apsw.Cursor, sql: str) -> None:
        self.seen += 1
        self.statements.append(sql[:40])
        if self.seen == self.at:
            connection = cursor.connection
            if self.rolls_back and connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise self.kind("injected")


class FailingCursor:
    """A cursor that fails once."""

    def __init__(self, cursor: apsw.Cursor, fault: Fault) -> None:
        self._cursor, self._fault = cursor, fault

    def execute(self, sql: str, *values: Any) -> apsw.Cursor:
        if not sql.startswith("SELECT"):
            self._fault.step(self._cursor, sql)
        return self._cursor.execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> apsw.Cursor:
        self._fault.step(self._cursor, sql)
        return self._cursor.executemany(sql, *values)


def open_failing(path: Path, fault: Fault) -> SqliteStore:
    """A store whose worker is the loop, and whose writer fails once."""
    ticks = iter(range(10**18, 10**19, 10**6))
    store = SqliteStore(str(path), records=SHELVES, clock=lambda: next(ticks), entropy=random.Random(1).randbytes)
    store._writing.cursor = FailingCursor(store._writing.cursor, fault)
    store._root = SqliteRootSession(store._writing)

    def give(task: Callable[[], None], _begun: object = None) -> None:
        store._busy = True
        asyncio.get_running_loop().call_soon(task)

    store._give = give  # type: ignore[method-assign,assignment]
    return store


Job = tuple[str, Callable[[Any], Any], bool]
"""The code of the row that the job writes ("" for none), the job, and whether it is long."""


def history(chance: random.Random) -> list[Job]:
    """A dozen jobs; each that writes adds two rows under one code, so that halves show."""

    def writing(code: str, number: int) -> Callable[[Any], str]:
        def run(root: Any) -> str:
            tx = root.at(1)
            tx.insert(Country(code=code))
            tx.insert_many([Entry(number=number), Entry(number=number + 1)])
            return code

        return run

    def refusing(number: int) -> Callable[[Any], None]:
        def run(root: Any) -> None:
            root.at(1).insert(Entry(number=number))
            raise Refusal

        return run

    def nested(code: str, number: int) -> Callable[[Any], str]:
        def run(root: Any) -> str:
            tx = root.at(1)
            tx.insert(Country(code=code))
            try:
                with root.savepoint():
                    tx.insert(Entry(number=number + 7))
                    raise Refusal
            except Refusal:
                tx.insert_many([Entry(number=number), Entry(number=number + 1)])
            return code

        return run

    def reading(root: Any) -> int:
        return int(root.at(1).count(Country))

    jobs: list[Job] = []
    for at in range(12):
        code, number = f"C{at:02}", 100 * (at + 1)
        kind = chance.choice(["write", "write", "write", "nested", "refuse", "read", "long"])
        if kind in ("write", "long"):
            jobs.append((code, writing(code, number), kind == "long"))
        elif kind == "nested":
            jobs.append((code, nested(code, number), False))
        else:
            jobs.append(("", refusing(number) if kind == "refuse" else reading, False))
    return jobs


async def play(store: SqliteStore, jobs: list[Job], chance: random.Random) -> dict[str, Any]:
    """Send the jobs in bursts; return what each that writes was answered with."""
    sent: list[tuple[str, asyncio.Future[Any]]] = []
    for code, job, long in jobs:
        future: Any = store.write(job, long=long)
        sent.append((code, future))
        for _ in range(chance.choice([0, 0, 0, 1, 3])):
            await asyncio.sleep(0)
        if chance.random() < 0.08:
            future.cancel()
    done = await asyncio.wait_for(asyncio.gather(*(f for _, f in sent), return_exceptions=True), 20)
    return {code: answer for (code, _), answer in zip(sent, done, strict=True) if code}


def kept(path: Path) -> tuple[set[str], set[int]]:
    """What is in the file, seen by a connection of its own."""
    connection = apsw.Connection(str(path))
    countries: Any = {code for (code,) in connection.execute("SELECT code FROM shelf_country").fetchall()}
    numbers: Any = {number for (number,) in connection.execute("SELECT number FROM shelf_entry").fetchall()}
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return countries, numbers


def simulate(path: Path, seed: int, fault: Fault) -> None:
    chance = random.Random(seed)
    jobs = history(chance)
    store = open_failing(path, fault)
    after = []

    async def main() -> dict[str, Any]:
        answers = await play(store, jobs, chance)
        fault.at = 0
        after.append(await asyncio.wait_for(store.write(lambda root: root.at(1).insert(Country(code="AFTER"))), 20))
        return answers

    try:
        answers = asyncio.run(main())
        told = f"seed {seed}, statement {fault.at} {fault.kind.__name__}: {fault.statements[-3:]}"
        countries, numbers = kept(path)
    finally:
        store.close()

    assert after[0].code == "AFTER"
    assert "AFTER" in countries, told
    for code, answer in answers.items():
        number = 100 * (int(code[1:]) + 1)
        if answer == code:
            assert code in countries, f"{told}: {code} was answered and is lost"
        elif isinstance(answer, StoreError):
            assert code not in countries, f"{told}: {code} was refused and is there"
        else:
            assert isinstance(answer, asyncio.CancelledError), f"{told}: {code} was answered {answer!r}"
        there = {number, number + 1} & numbers
        assert there == ({number, number + 1} if code in countries else set()), f"{told}: half of {code} is there"
        assert number + 7 not in numbers, told
    written = {f"C{n // 100 - 1:02}" for n in numbers}
    assert written == countries - {"AFTER"}, f"{told}: something of a refused job is there"


@pytest.mark.parametrize("history_number", range(HISTORIES))
def test_a_failure_at_any_step_loses_nothing_that_was_answered(tmp_path: Path, history_number: int) -> None:
    seed = SEED + history_number
    print(f"DEBITOR_SIMULATION_SEED={seed}")
    counted = Fault()
    simulate(tmp_path / "none.db", seed, counted)
    assert counted.seen > 20

    chance = random.Random(seed)
    for at in range(1, counted.seen + 1):
        kind, rolls_back = chance.choice(FAILURES)
        path = tmp_path / f"{at}.db"
        simulate(path, seed, Fault(at, kind, rolls_back))
        path.unlink()
