"""Memory of a server over a long time: a steady mix of work, and the resident memory each minute.

    python -m bench.soak [--minutes 60] [--rounds-per-minute 60] [--out FILE]

One round is 20 payments into a journal, 20 reads by id, 5 filtered lists, a `$batch` of 20 payments, the ageing of
all customers, and every tenth time the posting of the journal. The rate is fixed, not what the server can do: the
question is whether memory grows; the books do (40 payments a round). Prints MB at the end of each minute and, of the
second half, the slope in MB per hour.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.run import CLIENT, SECRET, Client, free_port, list_path, resident_mb, served

POST_EVERY = 10
"""Rounds after which the journal is posted and another one begins."""
TOKEN_MINUTES = 30
"""After which the client asks for another token: one is good for an hour."""
JSON = {"Content-Type": "application/json"}


class Work:
    """The mix, and how many requests it took."""

    def __init__(self, client: Client) -> None:
        self.client = client
        at = client.company
        usual = "$filter=currencyId%20eq%2000000000-0000-0000-0000-000000000000%20and%20blocked%20eq%20'_x0020_'"
        self.customers = [row["number"] for row in client("GET", f"{at}/customers?{usual}&$top=5")["value"]]
        assets = "$filter=directPosting%20eq%20true%20and%20category%20eq%20'Assets'&$top=1"
        self.account = client("GET", f"{at}/accounts?{assets}")["value"][0]["id"]
        self.rounds = self.requests = self.payments = 0
        self.open_journal()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request, counted."""
        self.requests += 1
        return self.client(method, path, body)

    def open_journal(self) -> None:
        """A new journal, balanced by an account."""
        body = {"code": f"S{self.rounds}", "balancingAccountId": self.account}
        made = self.ask("POST", f"{self.client.company}/customerPaymentJournals", body)["id"]
        self.journal = f"{self.client.company}/customerPaymentJournals({made})"

    def payment(self) -> dict[str, Any]:
        """The body of the next payment, on account."""
        self.payments += 1
        n = self.payments
        customer = self.customers[self.rounds % len(self.customers)]
        day = f"2026-01-{n % 28 + 1:02d}"
        return {"customerNumber": customer, "postingDate": day, "documentNumber": f"P{n}", "amount": -(n % 500 + 1)}

    def round(self) -> None:
        """Everything once."""
        self.rounds += 1
        lines = f"{self.journal}/customerPayments"
        made = [self.ask("POST", lines, self.payment())["id"] for _ in range(20)]
        for one in made:
            self.ask("GET", f"{lines}({one})")
        for customer in self.customers:
            self.ask("GET", list_path(lines, customer))
        part = {"method": "POST", "url": lines.removeprefix("/api/v2.0/"), "headers": JSON}
        parts = [{**part, "id": str(n), "body": self.payment()} for n in range(20)]
        answered = self.ask("POST", "/api/v2.0/$batch", {"requests": parts})
        assert all(one["status"] == 201 for one in answered["responses"]), answered["responses"][0]
        self.ask("GET", f"{self.client.company}/agedAccountsReceivables")
        if self.rounds % POST_EVERY == 0:
            self.ask("POST", f"{self.journal}/Microsoft.NAV.post")
            self.open_journal()


def slope(points: list[tuple[float, float]]) -> float:
    """MB per hour, of (seconds, MB)."""
    return statistics.linear_regression([at for at, _ in points], [mb for _, mb in points]).slope * 3600


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=int, default=60)
    options.add_argument("--rounds-per-minute", type=int, default=60)
    options.add_argument("--out", type=Path, help="a CSV file of the points")
    given = options.parse_args()
    env = {"DEBITOR_CLIENT_ID": CLIENT, "DEBITOR_CLIENT_SECRET": SECRET}
    with tempfile.TemporaryDirectory(prefix="debitor-soak-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "debitor.cli", "serve", "--demo", "--port", str(port), "--data", folder]
        with served(command, port, "/healthz", env) as process:
            points = [(0.0, resident_mb(process.pid))]
            work = Work(Client(port))
            begun = time.monotonic()
            for number in range(given.minutes * given.rounds_per_minute):
                work.round()
                due = begun + (number + 1) * 60 / given.rounds_per_minute
                time.sleep(max(0.0, due - time.monotonic()))
                if (number + 1) % given.rounds_per_minute == 0:
                    points.append((time.monotonic() - begun, resident_mb(process.pid)))
                    at, memory = points[-1]
                    if len(points) % TOKEN_MINUTES == 0:
                        work.client = Client(port)
                    print(f"{at / 60:>5.1f} min {memory:>7.1f} MB {work.requests:>8} requests", flush=True)
                    if given.out:
                        write(given.out, points)
        half = points[len(points) // 2 :]
        if len(half) > 2:
            print(f"at rest {points[0][1]:.1f} MB; second half {slope(half):+.1f} MB per hour")


def write(path: Path, points: list[tuple[float, float]]) -> None:
    """The points as CSV."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("seconds", "mb"), *((f"{at:.0f}", f"{mb:.1f}") for at, mb in points)])


if __name__ == "__main__":
    main()
