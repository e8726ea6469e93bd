"""Limits by a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.front.limits import Limiter, LimitReached, Limits, Turn
from debitor.schema import Refused

T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def once(limiter: Limiter, user: str = "u") -> None:
    with await limiter.enter(user):
        pass


def test_the_numbers_of_business_central_online() -> None:
    assert Limits() == Limits(requests=6000, window=300, at_once=5, queue=95, wait=480, work=480)


def test_a_window_slides() -> None:
    clock = Clock()
    limiter = Limiter(Limits(requests=2, window=300), clock=clock)

    async def story() -> None:
        await once(limiter)
        clock.now += 100
        await once(limiter)
        with pytest.raises(LimitReached) as refused:
            await once(limiter)
        assert (refused.value.code, refused.value.retry_after) == ("Application_TooManyRequests", 200)
        await once(limiter, "another user")
        clock.now += 199.9
        with pytest.raises(LimitReached) as refused:
            await once(limiter)
        assert refused.value.retry_after == 1
        clock.now += 0.1
        await once(limiter)
        with pytest.raises(LimitReached):
            await once(limiter)

    run(story())


@given(st.lists(st.integers(0, 40), max_size=60))
def test_no_window_ever_holds_more(steps: list[int]) -> None:
    """The model: the times of the requests that came in."""
    clock = Clock()
    limiter = Limiter(Limits(requests=3, window=100), clock=clock)
    taken: list[float] = []

    async def story() -> None:
        for step in steps:
            clock.now += step
            recent = [t for t in taken if t > clock.now - 100]
            if len(recent) < 3:
                await once(limiter)
                taken.append(clock.now)
                continue
            with pytest.raises(LimitReached) as refused:
                await once(limiter)
            assert refused.value.retry_after == recent[0] + 100 - clock.now

    run(story())


def test_turns_are_given_in_order_of_arrival() -> None:
    limiter = Limiter(Limits(at_once=1, queue=2), clock=Clock())
    order: list[str] = []

    async def ask(name: str) -> None:
        with await limiter.enter("u"):
            order.append(name)

    async def story() -> None:
        turn = await limiter.enter("u")
        waiting = [asyncio.create_task(ask(name)) for name in "ab"]
        await asyncio.sleep(0)
        with pytest.raises(LimitReached) as refused:
            await limiter.enter("u")
        assert (refused.value.status, refused.value.retry_after) == (None, 1)
        assert order == []
        with turn:
            pass
        await asyncio.gather(*waiting)
        await once(limiter)

    run(story())

    assert order == ["a", "b"]


def test_who_waits_too_long_is_sent_away() -> None:
    limiter = Limiter(Limits(at_once=1, queue=1, wait=0), clock=Clock())

    async def story() -> None:
        with await limiter.enter("u"):
            with pytest.raises(LimitReached) as refused:
                await limiter.enter("u")
            assert refused.value.status == 503
        await once(limiter)

    run(story())


def test_who_goes_away_while_waiting_keeps_nobody_out() -> None:
    limiter = Limiter(Limits(at_once=1, queue=1), clock=Clock())

    async def story() -> None:
        with await limiter.enter("u"):
            waiting = asyncio.create_task(once(limiter))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        await once(limiter)
        with await limiter.enter("u"):
            waiting = asyncio.create_task(once(limiter))
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await once(limiter)

    run(story())


def test_work_that_takes_too_long_is_refused() -> None:
    clock = Clock()
    limiter = Limiter(Limits(work=480), clock=clock)
    turn: Turn = run(limiter.enter("u"))
    clock.now += 480
    turn.check()
    clock.now += 0.1
    with pytest.raises(Refused) as refused:
        turn.check()

    assert refused.value.code == "Request_Timeout"


def test_silent_users_are_forgotten() -> None:
    clock = Clock()
    limiter = Limiter(Limits(window=300), clock=clock)
    for n in range(100):
        run(once(limiter, f"u{n}"))
    clock.now += 301
    run(once(limiter))

    assert len(limiter._users) == 1
