"""A closed-loop load generator: N connections, each sends its next request when the last is answered.

One process, raw sockets on uvloop, requests made ahead of time, so that it costs little next to the server.
Latencies are measured per request, from the write to the last byte of the answer.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MakeRequest = Callable[[int], bytes]
"""The n-th request of a run as raw HTTP/1.1 bytes."""


@dataclass
class Result:
    """What one run measured. `per_s` counts requests; `failed` those whose status was not 2xx."""

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def median_ms(self) -> float:
        """The median latency in milliseconds."""
        return 1000 * statistics.median(self.latencies)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.run, self.buffer, self.need = run, bytearray(), -1
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = self.run.take()
        if request is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.need < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            at = head.find(b"content-length:")
            if at < 0:
                length = 0
            else:
                stop = head.find(b"\r\n", at)
                length = int(head[at + 15 : stop if stop > 0 else len(head)])
            self.need = end + 4 + length
            self.status = int(head[9:12])
        if len(self.buffer) >= self.need:
            self.run.answered(self.status, time.perf_counter() - self.sent, self.buffer)
            del self.buffer[: self.need]
            self.need = -1
            self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.closed(exc)


class _Run:
    def __init__(self, make: MakeRequest, connections: int, seconds: float, keep: bool, most: int) -> None:
        self.make, self.seconds, self.keep, self.most = make, seconds, keep, most
        self.result, self.open, self.count = Result(), connections, 0
        self.start = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        now = time.perf_counter()
        if self.start == 0.0:
            self.start = now
        if now - self.start >= self.seconds or (self.most and self.count >= self.most):
            return None
        self.count += 1
        return self.make(self.count - 1)

    def answered(self, status: int, latency: float, buffer: bytearray) -> None:
        result = self.result
        result.requests += 1
        result.latencies.append(latency)
        if not 200 <= status < 300:
            result.failed += 1
            if result.failed <= 3:
                print(bytes(buffer[:600]).decode(errors="replace"))
        elif self.keep:
            result.bodies.append(bytes(buffer))

    def closed(self, exc: Exception | None) -> None:
        self.open -= 1
        if self.open == 0 and not self.done.done():
            self.result.seconds = time.perf_counter() - self.start
            self.done.set_result(None)


async def _measure(port: int, make: MakeRequest, connections: int, seconds: float, keep: bool, most: int) -> Result:
    run = _Run(make, connections, seconds, keep, most)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
    await run.done
    return run.result


def measure(
    port: int, make: MakeRequest, *, connections: int = 64, seconds: float = 3.0, keep: bool = False, most: int = 0
) -> Result:
    """Send requests for `seconds` (or `most` of them) over `connections` and return what happened."""
    import uvloop

    return uvloop.run(_measure(port, make, connections, seconds, keep, most))


def request(method: str, path: str, *, token: str = "", body: bytes = b"", headers: str = "") -> bytes:
    """One HTTP/1.1 request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n{headers}"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
