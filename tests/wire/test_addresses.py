"""The addresses of a real server: roots, health, limits, and how it starts and stops."""

from __future__ import annotations

import contextlib
import gzip
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wire.conftest import CLIENT_ID, CLIENT_SECRET, Books, Server, clean_environment

ROOTS = ["api/v2.0", "BC/api/v2.0", "v2.0/Production/api/v2.0", "v2.0/a1b2c3/Sandbox/api/v2.0"]


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_answers_with_its_own_addresses(books: Books, root: str) -> None:
    """Links in an answer lead back to the root by which the caller came."""
    start = f"{books.server.origin}/{root}"
    answer = books.get(f"{start}/companies")

    assert answer.status_code == 200
    assert answer.json()["@odata.context"] == f"{start}/$metadata#companies"
    assert books.get(f"{start}/companies({books.company_id})").json()["id"] == books.company_id


def test_links_lead_to_the_host_that_the_caller_named(books: Books) -> None:
    answer = books.get("customers?$top=1", headers={"Host": "books.example.com"})

    assert answer.json()["@odata.context"].startswith("http://books.example.com/api/v2.0/$metadata")


def test_an_encoded_address_is_decoded_once(books: Books) -> None:
    name = quote(books.company["name"], safe="")

    assert (
        books.get(f"{books.root}/companies({books.company_id})%2Fcustomers?company={name}&$top=1").status_code == 200
    )
    assert books.get(f"{books.root}/companies(%2528)").status_code in (400, 404)


def test_health_and_the_front_page_need_no_credentials(server: Server) -> None:
    assert requests.get(f"{server.origin}/healthz", timeout=10).json() == {"status": "ok"}
    assert requests.get(f"{server.origin}/readyz", timeout=10).json() == {"status": "ready"}
    assert requests.get(server.origin, timeout=10).json()["api"] == server.root


def test_a_body_of_100_mb_is_refused_without_being_held(books: Books) -> None:
    """The server answers before it has read all of it, and its memory does not grow by it."""
    pid = books.server.process.pid

    def chunks() -> object:
        for _ in range(1600):
            yield b" " * 65536

    before = resident(pid)
    declared = books.request(
        "POST", "customers", data=b" " * (100 << 20), headers={"Content-Type": "application/json"}
    )
    assert declared.status_code == 413
    assert "33554432 bytes" in declared.json()["error"]["message"]
    # The server may have answered and closed while the client is still sending.
    with contextlib.suppress(requests.ConnectionError):
        assert books.request("POST", "customers", data=chunks()).status_code == 413

    assert resident(pid) - before < 80 << 20
    assert books.get("customers?$top=1").status_code == 200


def resident(pid: int) -> int:
    """Bytes of memory of a process; 0 where there is no /proc."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return 0
    return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def test_a_compressed_body(books: Books) -> None:
    body = gzip.compress(json.dumps({"displayName": "compressed"}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    made = books.request("POST", "customers", data=body, headers=headers)

    assert made.status_code == 201, made.text
    assert made.json()["displayName"] == "compressed"


def test_requests_on_one_connection_do_not_mix(server: Server) -> None:
    """Ten requests sent at once over one connection are answered in order."""
    port = int(server.origin.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        paths = ["/healthz", "/readyz"] * 5
        connection.sendall(b"".join(f"GET {p} HTTP/1.1\r\nhost: h\r\n\r\n".encode() for p in paths))
        received = b""
        while received.count(b'{"status":') < 10:
            part = connection.recv(65536)
            assert part, received
            received += part
    said = [line for line in received.split(b"\r\n") if line.startswith(b"{")]

    assert [s.split(b"}")[0] + b"}" for s in said] == [b'{"status":"ok"}', b'{"status":"ready"}'] * 5


# ---- start and stop


def test_the_first_start_shows_a_secret_once_and_a_request_that_works(tmp_path: Path) -> None:
    """What `make run` prints can be pasted; the second start prints the ready line only."""
    first = Server(tmp_path / "books", "--demo", client_id="", client_secret="")
    text = "\n".join(first.lines)
    command = text[text.index("curl ") : text.index("\n \n", text.index("curl "))]
    done = subprocess.run(
        ["sh", "-c", f"{command} -w '\\n%{{http_code}}'"], capture_output=True, text=True, timeout=60
    )
    body, status = done.stdout.rsplit("\n", 1)
    first_code = first.stop()
    second = Server(tmp_path / "books", "--demo", client_id="", client_secret="")
    second_code = second.stop(signal.SIGINT)

    assert (status, json.loads(body)["customerNumber"]) == ("201", "10400"), done
    assert "client secret  " in text
    assert len(second.lines) == 1
    assert (first_code, second_code) == (0, 0)


def test_a_stop_lets_requests_finish_and_leaves_no_journal(tmp_path: Path) -> None:
    """Every request that was sent before the signal is answered; the write-ahead log is merged."""
    server = Server(tmp_path / "books", "--demo")
    root = server.root
    auth = (CLIENT_ID, CLIENT_SECRET)
    company = requests.get(f"{root}/companies", auth=auth, timeout=30).json()["value"][0]["id"]
    outcomes: list[int | str] = []

    def work(number: int) -> None:
        with requests.Session() as session:
            session.auth = auth
            for n in range(1000):
                try:
                    body = {"displayName": f"stop {number}-{n}"}
                    answer = session.post(f"{root}/companies({company})/customers", json=body, timeout=30)
                except requests.RequestException as error:
                    outcomes.append(type(error).__name__)
                    return
                outcomes.append(answer.status_code)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 20:
        time.sleep(0.01)
    code = server.stop()
    for thread in threads:
        thread.join()
    kept = outcomes.count(201)
    again = Server(tmp_path / "books")
    found = requests.get(
        f"{again.root}/companies({company})/customers/$count?$filter=startswith(displayName,'stop ')",
        auth=auth,
        timeout=30,
    )
    again.stop()

    assert code == 0
    assert not list((tmp_path / "books").glob("*-wal"))
    assert {o for o in outcomes if isinstance(o, int)} == {201}
    assert int(found.content.decode("utf-8-sig")) == kept


def test_starts_that_cannot_be_end_with_one_line(server: Server, tmp_path: Path) -> None:
    port = server.origin.rsplit(":", 1)[1]
    owner = Server(tmp_path / "held", store="sqlite")
    for flags, said in (
        (["--port", port, "--data", str(tmp_path)], "is in use"),
        (["--port", "0", "--data", str(owner.folder)], "Another debitor server"),
        (["--port", "0", "--data", "/dev/null/x"], "cannot be made"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "debitor.cli", "serve", *flags],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    assert owner.stop() == 0


def test_https(tmp_path: Path) -> None:
    """The ready line names https; the certificate is the one that was given."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    server = Server(tmp_path / "books", *files)
    try:
        assert server.origin.startswith("https://127.0.0.1:")
        port = int(server.origin.rsplit(":", 1)[1])
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part

        assert b'"api":"https://localhost/api/v2.0"' in answer
    finally:
        assert server.stop() == 0


def test_books_of_a_running_server_can_be_checked(server: Server) -> None:
    """The command reads one moment of the books, beside the server."""
    done = subprocess.run(
        [sys.executable, "-m", "debitor.cli", "check", *server.books, "--json"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["violations"]) == (0, True, []), done.stderr
