"""debitor beside a peer on this machine: the same POST in turns, medians of their rates. Peers are installed by hand.

    .venv/bin/python -m bench.peers.run --fastapi /tmp/peer/bin/python [--cap bench/peers/cap] [--seconds 3]

How to install each: bench/peers/README.md. What cannot be started is left out, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.load import measure, request
from bench.run import CLIENT, SECRET, Client, free_port, payment, served

CAP_JOURNAL = "11111111-1111-4111-8111-111111111111"


def main() -> None:
    """Start what is there, ask in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fastapi", type=Path, help="a python that has fastapi, sqlalchemy, aiosqlite, uvicorn")
    parser.add_argument("--cap", type=Path, help="bench/peers/cap after npm install and cds deploy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="debitor-bench-")))
        posts: dict[str, tuple[int, Callable[[int], bytes]]] = {}
        port = free_port()
        command = [sys.executable, "-m", "debitor.cli", "serve", "--demo", "--port", str(port)]
        environment = {"DEBITOR_CLIENT_ID": CLIENT, "DEBITOR_CLIENT_SECRET": SECRET}
        stack.enter_context(served([*command, "--data", str(folder / "books")], port, "/readyz", environment))
        client = Client(port)
        body = {"code": "BENCH", "displayName": "bench"}
        journal = client("POST", f"{client.company}/customerPaymentJournals", body)["id"]
        path = f"{client.company}/customerPaymentJournals({journal})/customerPayments"
        posts["debitor"] = (
            port,
            lambda n: request("POST", path, token=client.token, body=payment(n, "10000", "100000")),
        )
        if given.fastapi:
            port = free_port()
            program = str(Path(__file__).with_name("fastapi_sqlalchemy.py"))
            stack.enter_context(served([str(given.fastapi), program, str(port), str(folder / "f.db")], port, "/docs"))
            posts["FastAPI + SQLAlchemy"] = (
                port,
                lambda n: request("POST", "/customerPayments", body=payment(n, "10000", "100000")),
            )
        if given.cap:
            port = free_port()
            os.environ["PORT"] = str(port)
            start = f"cd {shlex.quote(str(given.cap))} && exec node node_modules/.bin/cds-serve"
            stack.enter_context(served(["sh", "-c", start], port, "/odata/$metadata"))
            made = urllib.request.Request(
                f"http://127.0.0.1:{port}/odata/Journals",
                data=json.dumps({"ID": CAP_JOURNAL, "code": "BENCH"}).encode(),
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(made):
                pass
            below = f"/odata/Journals({CAP_JOURNAL})/customerPayments"
            posts["SAP CAP"] = port, lambda n: request("POST", below, body=payment(n, "10000", "100000"))
        rates: dict[str, list[float]] = {name: [] for name in posts}
        for _ in range(given.rounds):
            for name, (at, post) in posts.items():
                result = measure(at, post, connections=given.connections, seconds=given.seconds)
                assert not result.failed, f"{name}: {result.failed} of {result.requests} failed"
                rates[name].append(result.per_s)
    own = statistics.median(rates["debitor"])
    print("| POST a payment | per second | debitor is |\n|---|---|---|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):,.0f} | {own / statistics.median(found):.1f} times |")


if __name__ == "__main__":
    main()
