"""Two processes on one store, and a process that is killed while it writes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from backends import only_sqlite
from debitor.store import Store, StoreError
from store.shelves import Country

WRITER = Path(__file__).parent / "writer.py"


def start(url: str, prefix: str, limit: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), url, prefix, str(limit)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_two_processes_write_one_store(opened: Callable[..., Store], url: str) -> None:
    opened().close()
    outputs = []
    for process in [start(url, p, 25) for p in "XY"]:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        outputs += [line.split() for line in out.splitlines()]
    rows = opened().reader().at(1).all(Country)

    assert len(rows) == 400
    assert {(r.code, str(r.version)) for r in rows} == {(code, version) for code, version in outputs}
    assert len({r.version for r in rows}) == 400


def test_a_killed_process_keeps_every_acknowledged_row(opened: Callable[..., Store], url: str) -> None:
    opened().close()
    acknowledged: set[str] = set()
    for round in range(3):
        process = start(url, f"{round}", 100_000)
        assert process.stdout is not None
        until = time.monotonic() + 0.3
        for line in process.stdout:
            acknowledged.add(line.split()[0])
            if time.monotonic() > until:
                break
        os.kill(process.pid, signal.SIGKILL)
        acknowledged |= {line.split()[0] for line in process.stdout.read().splitlines(True) if line.endswith("\n")}
        process.stdout.close()
        process.wait()
    store = opened()
    rows = store.reader().at(1).all(Country)

    assert acknowledged <= {r.code for r in rows}
    assert len({r.version for r in rows}) == len(rows)
    if url.startswith("sqlite"):
        connection = apsw.Connection(url.removeprefix("sqlite://"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
    with store.transaction() as tx:
        assert tx.at(1).insert(Country(code="AFTER")).version > max(r.version for r in rows)


@only_sqlite
def test_a_disk_that_takes_no_more_is_an_error_and_not_the_end(opened: Callable[..., Store]) -> None:
    """The largest size of a file stands for the size of the disk."""
    store = opened()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    kept, refused = 0, None
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        for i in range(2000):
            try:
                with store.transaction() as tx:
                    tx.at(1).insert(Country(code=f"{i}", name="x" * 200))
                kept += 1
            except StoreError as error:
                refused = error
                break
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)

    assert refused is not None
    assert 0 < kept < 2000
    with store.transaction() as tx:
        assert tx.at(1).count(Country) == kept
        tx.at(1).insert(Country(code="AFTER"))
