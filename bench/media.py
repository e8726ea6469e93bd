"""An attachment of 100 MB sent up and read back, while the server's memory and another client's reads are watched.

python -m bench.media [--megabytes 100]
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from bench.run import free_port, resident_mb

CLIENT, SECRET = "bench", "bench-secret-of-this-run-only"
PIECE = 1 << 20


class Watch:
    """The highest memory of a process, and how long small reads of another client take meanwhile."""

    def __init__(self, pid: int, port: int, path: str, headers: dict[str, str]) -> None:
        self.pid, self.port, self.path, self.headers = pid, port, path, headers
        self.most, self.times = 0.0, list[float]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._ended.wait(0.01):
            start = time.perf_counter()
            line.request("GET", self.path, headers=self.headers)
            line.getresponse().read()
            self.times.append((time.perf_counter() - start) * 1000)
            self.most = max(self.most, resident_mb(self.pid))

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def told(self) -> str:
        """What was seen, in words."""
        return (
            f"memory {self.most:.0f} MB at most; {len(self.times)} reads of another client meanwhile took "
            f"{statistics.median(self.times):.1f} ms (median), {max(self.times):.0f} ms at most"
        )


def pieces(megabytes: int) -> Iterator[bytes]:
    """Give so many megabytes of noise."""
    noise = random.Random(1)
    for _ in range(megabytes):
        yield noise.randbytes(PIECE)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    size = parser.parse_args().megabytes
    port = free_port()
    headers = {"Authorization": "Basic " + b64encode(f"{CLIENT}:{SECRET}".encode()).decode()}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "debitor.cli", "serve", "--demo", "--port", str(port), "--data", folder]
        env = {"DEBITOR_CLIENT_ID": CLIENT, "DEBITOR_CLIENT_SECRET": SECRET}
        server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            next(line for line in server.stdout if " ready at " in line)
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

            def call(method: str, path: str, body: Any = None, more: dict[str, str] | None = None) -> Any:
                line.request(method, path, body, {**headers, **(more or {})})
                return line.getresponse()

            root = "/api/v2.0"
            company = json.loads(call("GET", f"{root}/companies").read())["value"][0]["id"]
            at = f"{root}/companies({company})"
            draft = {"fileName": "large.bin"}
            made = call("POST", f"{at}/attachments", json.dumps(draft), {"Content-Type": "application/json"})
            content = f"{at}/attachments({json.loads(made.read())['id']})/attachmentContent"
            digest = hashlib.sha256()
            for piece in pieces(size):
                digest.update(piece)
            print(f"memory at rest {resident_mb(server.pid):.0f} MB")
            with Watch(server.pid, port, f"{at}/customers?$top=1", headers) as watch:
                start = time.perf_counter()
                sent = call("PUT", content, pieces(size), {"Content-Length": str(size * PIECE), "If-Match": "*"})
                assert (sent.status, sent.read()) == (204, b""), sent.status
                took = time.perf_counter() - start
            print(f"{size} MB up in {took:.1f} s ({size / took:.0f} MB/s); {watch.told()}")
            with Watch(server.pid, port, f"{at}/customers?$top=1", headers) as watch:
                start, back = time.perf_counter(), hashlib.sha256()
                answer = call("GET", content)
                while piece := answer.read(PIECE):
                    back.update(piece)
                took = time.perf_counter() - start
            assert back.digest() == digest.digest()
            print(f"{size} MB down in {took:.1f} s ({size / took:.0f} MB/s); {watch.told()}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


if __name__ == "__main__":
    main()
