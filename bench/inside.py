"""What a request costs in process: the whole application, without sockets and without another program beside it.

    python -m bench.inside [--work create,batch,get,list] [--rounds 5] [--calls 3000] [--profile create]

64 requests are on their way at once, as under load, over a SQLite store in a folder of its own, flushed. Reads are
answered anew, never from memory. Prints microseconds per request (per part of a `$batch`): the best and the middle
of the rounds, in process time, so that waiting for the disk does not count. `--profile` prints where they go.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from bench.run import CLIENT, SECRET, batch, list_path, payment
from debitor import identity
from debitor.apis import V2
from debitor.app import App
from debitor.host import BooksHost
from debitor.odata.service import Service
from debitor.operations.companies import create_company
from debitor.server import watch_of
from debitor.store import Store
from debitor.store.opening import open_store

AT_ONCE = 64
Call = tuple[str, str, str, bytes]
"""Method, path, query and body."""


class Inside:
    """The application and who asks it."""

    def __init__(self, store: Store) -> None:
        with store.transaction() as root:
            identity.ensure_key(root, lifetime=3600)
            client, _ = identity.register_client(root, name="bench", client_id=CLIENT, secret=SECRET)
            company = create_company(root, name="Bench", currency="EUR", demo=True, today=date(2026, 1, 31))
        watch = watch_of(store)
        asker = identity.Authenticator(store, issuer="http://127.0.0.1:7048/v2.0", lifetime=3600)
        asker.recheck()
        host = BooksHost(catalog=V2.catalog, posted=watch.posted)
        self.app = App(Service(host), store, asker, origin="http://127.0.0.1:7048", watch=watch)
        self.headers = [
            (b"host", b"127.0.0.1:7048"),
            (b"authorization", b"Bearer " + asker.issue(client, "default").encode()),
            (b"content-type", b"application/json"),
            (b"data-access-intent", b"ReadWrite"),
        ]
        self.company = f"/api/v2.0/companies({company.id})"

    async def __call__(self, call: Call) -> bytes:
        """Answer one request. Raises AssertionError for an error."""
        method, path, query, body = call
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [*self.headers, (b"content-length", str(len(body)).encode())] if body else self.headers,
            "client": ("127.0.0.1", 5),
            "scheme": "http",
        }
        answer = bytearray()
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        assert status < 300, answer[:500]
        return bytes(answer)

    async def seed(self) -> dict[str, Callable[[int], Call]]:
        """Make a journal with payments to read. Returns what makes the n-th request of each kind of work."""

        async def read(path: str, query: str = "") -> Any:
            return json.loads(await self(("GET", path, query, b"")))["value"]

        def create(n: int) -> Call:
            return "POST", payments, "", payment(n, customer, invoice)

        journal = (await read(f"{self.company}/customerPaymentJournals"))[0]["id"]
        invoices = await read(f"{self.company}/salesInvoices", "$filter=status%20eq%20'Open'&$top=1")
        invoice, customer = invoices[0]["number"], invoices[0]["customerNumber"]
        payments = f"{self.company}/customerPaymentJournals({journal})/customerPayments"
        ids = [json.loads(await self(create(n)))["id"] for n in range(200)]
        url = payments.removeprefix("/api/v2.0/")
        query = list_path("", customer).partition("?")[2]
        return {
            "create": create,
            "batch": lambda n: ("POST", "/api/v2.0/$batch", "", batch(n, url, customer, invoice)),
            "get": lambda n: ("GET", f"{payments}({ids[n % len(ids)]})", "", b""),
            "list": lambda n: ("GET", payments, query.replace("%20", "+"), b""),
        }

    async def load(self, make: Callable[[int], Call], calls: int) -> float:
        """Answer so many requests, AT_ONCE at a time. Returns microseconds of each, in process time."""
        numbers = iter(range(1000, 1000 + calls))

        async def one() -> None:
            for n in numbers:
                await self(make(n))

        gc.collect()
        gc.freeze()
        start = time.process_time()
        await asyncio.gather(*(one() for _ in range(min(AT_ONCE, calls))))
        return (time.process_time() - start) / calls * 1e6


async def run(given: argparse.Namespace, store: Store) -> None:
    """Measure and print."""
    inside = Inside(store)
    made = await inside.seed()
    if given.profile:
        profile = cProfile.Profile()
        profile.enable()
        await inside.load(made[given.profile], given.calls)
        profile.disable()
        pstats.Stats(profile).sort_stats(given.sort).print_stats(45)
        return
    work = given.work.split(",")
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(given.rounds):
        for name in work:
            parts = 100 if name == "batch" else 1
            times[name].append(await inside.load(made[name], max(1, given.calls // parts)) / parts)
    print(f"microseconds, best and middle of {given.rounds} rounds")
    for name, found in times.items():
        print(f"{name:8} {min(found):7.1f} {statistics.median(found):7.1f}")


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--work", default="create,batch,get,list")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--calls", type=int, default=3000)
    options.add_argument("--profile", default="", help="a kind of work: print its profile instead")
    options.add_argument("--sort", default="tottime")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="debitor-bench-") as folder:
        store = open_store(f"sqlite://{folder}/inside.db")
        try:
            import uvloop

            uvloop.run(run(given, store))
        finally:
            store.close()


if __name__ == "__main__":
    main()
