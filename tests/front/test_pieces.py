"""Answers sent piece by piece: when they end, early or not, and that they are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from debitor.front.asgi import Message
from debitor.front.bodies import Disconnected
from debitor.front.pieces import Stopped, send_pieces


class Sending:
    """One answer of three pieces. `fails`: the second piece raises. `gone`: the client leaves after the first."""

    def __init__(self, *, fails: bool = False, gone: bool = False, slow: bool = False) -> None:
        self.fails, self.gone, self.slow = fails, gone, slow
        self.sent: list[Message] = []
        self.closed = False

    def chunks(self) -> Iterator[bytes]:
        try:
            yield b"1"
            if self.fails:
                raise ValueError("a broken row")
            yield b"2"
            yield b"3"
        finally:
            self.closed = True

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self.slow:
            await asyncio.Event().wait()

    async def receive(self) -> Message:
        if self.gone and self.sent:
            return {"type": "http.disconnect"}
        if self.gone:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b""}
        await asyncio.Event().wait()
        raise AssertionError

    def run(self, *, seconds: float = 60.0, stopped: bool = False) -> None:
        asyncio.run(send_pieces(self.send, self.receive, self.chunks(), seconds=seconds, stopped=lambda: stopped))

    @property
    def complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body")


def test_all_pieces_and_then_the_end() -> None:
    sending = Sending()
    sending.run()

    assert [message["body"] for message in sending.sent] == [b"1", b"2", b"3", b""]
    assert sending.complete
    assert sending.closed


def test_a_failure_in_the_middle_is_no_end() -> None:
    sending = Sending(fails=True)
    with pytest.raises(ValueError, match="a broken row"):
        sending.run()

    assert [message["body"] for message in sending.sent] == [b"1"]
    assert not sending.complete


def test_nothing_is_made_for_a_client_that_left() -> None:
    sending = Sending(gone=True)
    with pytest.raises(Disconnected):
        sending.run()

    assert len(sending.sent) < 3
    assert not sending.complete
    assert sending.closed


def test_a_client_that_takes_nothing_is_cut() -> None:
    sending = Sending(slow=True)
    with pytest.raises(TimeoutError):
        sending.run(seconds=0)

    assert not sending.complete
    assert sending.closed


def test_a_server_that_stops_cuts() -> None:
    sending = Sending()
    with pytest.raises(Stopped):
        sending.run(stopped=True)

    assert sending.sent == []
    assert sending.closed
