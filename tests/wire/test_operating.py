"""What an operator relies on: counters, logs, readiness, stopping under load, a renewed certificate, traces."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wire.conftest import CLIENT_SECRET, Books, Server, books_of


def metrics(books: Books, **headers: str) -> requests.Response:
    return requests.get(f"{books.server.origin}/metrics", headers=headers, timeout=30)


def value(text: str, sample: str) -> float:
    """The value of a sample, 0 when it was never counted."""
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(sample + " ")]
    return float(found[0]) if found else 0.0


# --------------------------------------------------------------------------- counters


def test_requests_commits_and_postings_are_counted(books: Books) -> None:
    before = metrics(books).text
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": "10400", "amount": -5, "documentNumber": "METRICS", "postingDate": "2026-01-20"}
    assert books.post(f"customerPaymentJournals({journal})/customerPayments", body).status_code == 201
    assert books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post").status_code == 204
    assert books.get("customers(11111111-1111-4111-8111-111111111111)").status_code == 404
    after = metrics(books).text

    def more(sample: str) -> float:
        return value(after, sample) - value(before, sample)

    counted = 'debitor_http_request_seconds_count{method="%s",route="%s",status="%d"}'
    assert more(counted % ("POST", "customerPayments", 201)) == 1
    assert more(counted % ("POST", "post", 204)) == 1
    assert more(counted % ("GET", "customers", 404)) == 1
    assert more("debitor_store_commit_seconds_count") >= 3
    assert more("debitor_ledger_acts_total") == 1
    assert more('debitor_ledger_entries_total{ledger="general"}') == 2
    assert more('debitor_ledger_entries_total{ledger="detailed"}') == 1
    assert more('debitor_http_request_seconds_sum{method="POST",route="post",status="204"}') > 0
    assert value(after, "debitor_http_requests_in_flight") >= 1
    assert value(after, "process_resident_memory_bytes") > 1e6


def test_nothing_that_a_client_sends_becomes_a_label(books: Books) -> None:
    """Else anybody could fill the memory of server and monitoring."""
    for path in ("/no-such-thing-zzqx", "/api/v2.0/companies/no-such-set-zzqx", "/docs/no-such-page-zzqx"):
        requests.get(books.server.origin + path, timeout=30)
    books.get("no-such-set-zzqx")
    books.session.request("BREWZZQX", f"{books.url}/customers", timeout=30)

    assert "zzqx" not in metrics(books).text.lower()


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
def test_counters_are_not_told_through_a_proxy(books: Books, name: str) -> None:
    assert metrics(books).status_code == 200
    assert metrics(books, **{name: "for=127.0.0.1"}).status_code == 404


def test_counters_can_be_closed_and_opened(tmp_path: Path) -> None:
    for chosen, status in (("off", 404), ("all", 200)):
        server = Server(tmp_path / chosen, metrics=chosen)
        told = requests.get(f"{server.origin}/metrics", headers={"X-Forwarded-For": "192.0.2.1"}, timeout=30)
        assert server.stop() == 0
        assert told.status_code == status


# --------------------------------------------------------------------------- the log


def test_the_log_is_json_with_request_ids_and_without_secrets(tmp_path: Path) -> None:
    server = Server(tmp_path / "books", "--demo", log_format="json", log_requests="all")
    books = books_of(server)
    answer = books.get("customers?$filter=displayName eq 'Secret Customer'&$top=1")
    token = str(books.session.headers["Authorization"]).removeprefix("Bearer ")
    assert server.stop() == 0
    logged = Path(server.log.name).read_text()
    lines = [json.loads(line) for line in logged.splitlines()]
    (line,) = [each for each in lines if each.get("request_id") == answer.headers["request-id"]]

    assert (line["method"], line["status"], line["level"]) == ("GET", 200, "info")
    assert line["path"].endswith("/customers")
    assert line["client"]
    assert line["milliseconds"] > 0
    datetime.fromisoformat(line["time"])
    for secret in ("Secret Customer", CLIENT_SECRET, token):
        assert secret not in logged


def test_only_failures_are_logged_by_default(books: Books) -> None:
    answer = books.get("customers?$top=1")

    assert answer.headers["request-id"] not in books.server.logged()


# --------------------------------------------------------------------------- stopping


def test_a_stopping_server_answers_what_it_has_taken(tmp_path: Path) -> None:
    """Under load: readyz says 503 first, every acknowledged write is there afterwards, the exit code is 0."""
    server = Server(tmp_path / "books", "--demo", drain_delay="1")
    books = books_of(server)
    journal = books.new_journal(balanced=True)
    url = f"{books.url}/customerPaymentJournals({journal})/customerPayments"
    acknowledged: list[str] = []
    cut: list[int] = []
    stopping = threading.Event()

    def work(worker: int) -> None:
        session = requests.Session()
        session.headers.update(books.session.headers)
        for at in range(100_000):
            number = f"W{worker}-{at}"
            body = {"customerNumber": "10400", "amount": -1, "documentNumber": number}
            try:
                answer = session.post(url, json=body, timeout=30)
            except requests.ConnectionError:
                cut.append(worker)
                return
            assert answer.status_code == 201 or stopping.is_set(), answer.text
            if answer.status_code == 201:
                acknowledged.append(number)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    time.sleep(0.5)
    stopping.set()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    ready = requests.get(f"{server.origin}/readyz", timeout=10)
    code = server.stop()
    for worker in workers:
        worker.join(30)

    assert (ready.status_code, code) == (503, 0)
    assert len(cut) == 4
    again = Server(tmp_path / "books")
    found = books_of(again).get(f"customerPaymentJournals({journal})/customerPayments?$select=documentNumber")
    numbers = {row["documentNumber"] for row in found.json()["value"]}
    assert again.stop() == 0
    assert len(acknowledged) > 10
    assert set(acknowledged) <= numbers


# --------------------------------------------------------------------------- certificates


def certificate(folder: Path, name: str) -> None:
    """Write a self-signed certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))


def served(server: Server) -> str:
    """The common name of the certificate that the server shows."""
    host, _, port = server.origin.removeprefix("https://").rpartition(":")
    shown = x509.load_pem_x509_certificate(ssl.get_server_certificate((host, int(port))).encode())
    return str(shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_renewed_certificate_is_served_without_a_stop(tmp_path: Path) -> None:
    """New connections see the new one; a client that asks all the while gets an answer to every request."""
    certificate(tmp_path, "first")
    server = Server(
        tmp_path / "books",
        "--tls-cert",
        str(tmp_path / "cert.pem"),
        "--tls-key",
        str(tmp_path / "key.pem"),
    )
    assert served(server) == "first"
    statuses: list[int] = []
    done = threading.Event()

    def ask() -> None:
        # A connection of its own each time: one that is kept may be closed between two requests by any server.
        while not done.is_set():
            found = subprocess.run(
                ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"{server.origin}/healthz"],
                capture_output=True,
                text=True,
                check=False,
            )
            statuses.append(int(found.stdout or 0))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        (tmp_path / "cert.pem").write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert served(server) == "first"
        certificate(tmp_path, "second")
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while served(server) != "second" and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        names = {served(server) for _ in range(10)}
    finally:
        done.set()
        asking.join()
        code = server.stop()

    assert names == {"second"}
    assert code == 0
    assert set(statuses) == {200}
    logged = Path(server.log.name).read_text()
    assert "the new certificate cannot be used" in logged


# --------------------------------------------------------------------------- traces


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint that takes spans, and what came."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
    server.shutdown()
    server.server_close()


def test_traces_follow_a_request_into_the_store(tmp_path: Path, collector: tuple[str, list[bytes]]) -> None:
    endpoint, came = collector
    server = Server(tmp_path / "books", "--demo", otlp_endpoint=endpoint)
    books = books_of(server)
    trace = "0af7651916cd43dd8448eb211c80319c"
    books.post("customers", {"displayName": "Traced"}, {"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert server.stop() == 0
    sent = b"".join(came)

    assert b"POST customers" in sent
    assert b"store.write" in sent
    assert bytes.fromhex(trace) in sent
    assert b"Traced" not in sent
