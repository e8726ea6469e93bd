"""How many rows a second go out and in: export, import, backup and check of a store, each a process of its own.

    .venv/bin/python -m bench.moving [--payments 10000]

The store has that many payments posted and applied: about 12 rows each. Peak memory is that of the process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from bench.posting import fill, took


def fill_and_post(path: Path, number: int) -> None:
    """Make a store with so many payments, posted."""
    took(path, fill(path, number, min(number, 100)))


def run(*args: str) -> tuple[float, int]:
    """Run a command. Returns seconds, and the most memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "debitor.cli", *args], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, f"debitor {' '.join(args)} ended with {status}"
    return time.perf_counter() - start, usage.ru_maxrss // 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=10_000)
    number = parser.parse_args().payments
    with tempfile.TemporaryDirectory(prefix="debitor-bench-") as name:
        folder = Path(name)
        # In a process of its own: what it needed would count for its children.
        filling = get_context("spawn").Process(target=fill_and_post, args=(folder / "a.db", number))
        filling.start()
        filling.join()
        first, second = f"sqlite://{folder}/a.db", f"sqlite://{folder}/b.db"
        for what, *more in (
            ("export", first, f"{folder}/x"),
            ("import", second, f"{folder}/x"),
            ("backup", first, f"{folder}/c"),
            ("check", second),
        ):
            seconds, memory = run(what, "--database-url", *more)
            print(f"{what:8} {seconds:7.2f} s   {memory:5} MB")


if __name__ == "__main__":
    main()
