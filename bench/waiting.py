"""How long other clients wait while one journal of 10,000 applied payments is being posted, over HTTP.

    .venv/bin/python -m bench.waiting [--lines 10000] [--rounds 3]

The store is filled as in bench.posting and served by debitor. One client creates payments in another journal, one
reads a customer, both again and again; a third one posts. Printed are the time of the posting and how long requests
took that were under way while it ran, beside what they take on an idle server.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.posting import fill
from bench.run import CLIENT, SECRET, Client, free_port, resident_mb, served


class Asking:
    """A client in a thread that asks the same again and again; `times` has (when sent, seconds) of each answer."""

    def __init__(self, port: int, token: str, method: str, path: str, body: Any = None) -> None:
        self.port, self.method, self.path = port, method, path
        self.body = None if body is None else json.dumps(body).encode()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.times: list[tuple[float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        while not self._ended.wait(0.002):
            start = time.perf_counter()
            line.request(self.method, self.path, self.body, self.headers)
            answer = line.getresponse()
            answer.read()
            assert answer.status in (200, 201), answer.status
            self.times.append((start, time.perf_counter() - start))

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def told(self, start: float, end: float) -> str:
        """What requests took before and within a span of time, in words (milliseconds)."""
        calm = [1000 * took for at, took in self.times if at + took < start]
        within = [1000 * took for at, took in self.times if at < end and at + took > start]
        return (
            f"{statistics.median(calm):.1f} ms before; meanwhile {len(within)} of them, "
            f"{statistics.median(within):.1f} ms in the median, {max(within):.0f} ms at most"
        )


def watched(client: Client, journal: str, other: str) -> str:
    """Post a journal while others create and read. Returns what was seen."""
    company = client.company
    customer = client("GET", f"{company}/customers?$top=1")["value"][0]["id"]
    payment = {"customerId": customer, "amount": -1, "postingDate": "2026-01-05"}
    creates = f"{company}/customerPaymentJournals({other})/customerPayments"
    with (
        Asking(client.port, client.token, "POST", creates, payment) as writing,
        Asking(client.port, client.token, "GET", f"{company}/customers({customer})") as reading,
    ):
        time.sleep(1)
        start = time.perf_counter()
        client("POST", f"{company}/customerPaymentJournals({journal})/Microsoft.NAV.post")
        end = time.perf_counter()
        time.sleep(0.2)
    return (
        f"posted in {end - start:.2f} s\n  create  {writing.told(start, end)}\n  read    {reading.told(start, end)}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    env = {"DEBITOR_CLIENT_ID": CLIENT, "DEBITOR_CLIENT_SECRET": SECRET}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="debitor-bench-") as folder:
            journal = fill(Path(folder) / "debitor.db", given.lines, 100)
            port = free_port()
            serve = [sys.executable, "-m", "debitor.cli", "serve", "--port", str(port), "--data", folder]
            with served(serve, port, "/healthz", env) as process:
                client = Client(port)
                other = client("POST", f"{client.company}/customerPaymentJournals", {"code": "OTHER"})["id"]
                print(watched(client, journal, other))
                print(f"  memory  {resident_mb(process.pid):.0f} MB", flush=True)


if __name__ == "__main__":
    main()
