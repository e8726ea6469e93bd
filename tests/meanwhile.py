"""What goes on while a test does something else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeatedly(step: Callable[[int], None]) -> Iterator[list[float]]:
    """Somebody takes a step again and again, numbered from 0. Gives how many seconds each took; none may raise."""
    took: list[float] = []
    done = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        while not done.is_set():
            started = time.monotonic()
            try:
                step(len(took))
            except BaseException as error:
                failures.append(error)
                return
            took.append(time.monotonic() - started)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield took
    finally:
        done.set()
        thread.join()
    assert failures == []


def more(took: list[float]) -> None:
    """Return when some more steps have been taken."""
    before = len(took)
    wait_for(lambda: len(took) > before + 20)


def wait_for(condition: Callable[[], object]) -> None:
    """Return when a condition is true. Fails after a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happens"
        time.sleep(0.01)
