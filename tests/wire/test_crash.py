"""A server that is killed under load keeps every acknowledged payment, none twice, and books that pass the check."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from backends import BACKENDS
from wire.conftest import clean_environment

CYCLES = int(os.environ.get("DEBITOR_CRASH_CYCLES", "10"))
"""`make faults` asks for 200."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Killable:
    """A server on one store that can be killed and started again."""

    def __init__(self, url: str) -> None:
        self.url, self.auth = url, ("crash", "crash-test-secret")
        self.env = {**clean_environment(), "DEBITOR_CLIENT_ID": self.auth[0], "DEBITOR_CLIENT_SECRET": self.auth[1]}

    def start(self) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "debitor.cli", "serve", "--demo", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--database-url", self.url], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(400):
            try:
                requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=1)
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def get(self, path: str) -> Any:
        answer = requests.get(f"http://127.0.0.1:{self.port}/api/v2.0/{path}", auth=self.auth, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(f"http://127.0.0.1:{self.port}/api/v2.0/{path}", json=body, auth=self.auth, timeout=30)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.mark.parametrize("kind", BACKENDS)
def test_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, kind: str) -> None:
    """Eight clients create and post; the process is killed at a random moment; then the books are looked at."""
    server = Killable(BACKENDS[kind](tmp_path))
    acknowledged: set[str] = set()
    posted: set[str] = set()
    asked: set[str] = set()
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    moment = random.Random(seed)
    for cycle in range(CYCLES):
        server.start()
        company = f"companies({server.get('companies')['value'][0]['id']})"
        accounts = server.get(f"{company}/accounts?$filter=category eq 'Assets' and directPosting eq true&$top=1")
        balancing = accounts["value"][0]["id"]
        stop = threading.Event()

        def work(worker: int, cycle: int, company: str, balancing: str, stop: threading.Event) -> None:
            body = {"code": f"K{cycle}W{worker}", "balancingAccountId": balancing}
            try:
                made = server.post(f"{company}/customerPaymentJournals", body)
                journal = made.json()["id"]
                while not stop.is_set():
                    ids = [str(uuid.uuid4()) for _ in range(5)]
                    for id in ids:
                        asked.add(id)
                        path = f"{company}/customerPaymentJournals({journal})/customerPayments({id})"
                        answer = server.post(path, {"customerNumber": "10000", "amount": -1})
                        assert answer.status_code == 201, answer.text
                        acknowledged.add(id)
                    answer = server.post(f"{company}/journals({journal})/Microsoft.NAV.post", {})
                    assert answer.status_code == 204, answer.text
                    posted.update(ids)
            except (requests.RequestException, json.JSONDecodeError):
                return

        workers = [threading.Thread(target=work, args=(n, cycle, company, balancing, stop)) for n in range(8)]
        for worker in workers:
            worker.start()
        time.sleep(moment.uniform(0.2, 1.0))
        server.kill()
        stop.set()
        for worker in workers:
            worker.join()
    assert acknowledged
    assert posted
    command = [sys.executable, "-m", "debitor.cli", "check", "--database-url", server.url, "--json"]
    checked = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    found = surviving(server.url)
    assert len(found) == len(set(found)), "a payment is there twice"
    assert acknowledged <= set(found), f"{len(acknowledged - set(found))} acknowledged payments are lost"
    assert set(found) <= asked


def surviving(url: str) -> list[str]:
    """The ids of all payments that the test may have made, open or posted, from the store itself."""
    from debitor.ledger.records import CustomerLedgerEntry, JournalLine
    from debitor.store.opening import open_store

    store = open_store(url)
    try:
        books = store.reader().at(1)
        lines = [line.id for line in books.all(JournalLine) if line.amount == -1]
        entries = [
            e.source_id for e in books.all(CustomerLedgerEntry, document_type="Payment") if e.original_amount == -1
        ]
        return lines + entries
    finally:
        store.close()
