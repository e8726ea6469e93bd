"""What a server does for its books from time to time: forget deletions that nobody may ask for any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from debitor.store import Store, StoreError

log = logging.getLogger("debitor")

PORTION = 500
"""Deletions that one transaction forgets; some milliseconds of work."""
PAUSE = 0.5
"""Seconds between two portions, for requests."""
EVERY = 3600.0
"""Seconds between two looks."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def forget_deletions(store: Store, *, days: int, now: Callable[[], datetime] = utc_now) -> int:
    """Forget what was deleted more than so many days ago, in small portions. Returns how many were forgotten."""
    before = (now() - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    number = 0
    while forgotten := await store.write(lambda root: root.forget_deletions(before, PORTION)):
        number += forgotten
        await asyncio.sleep(PAUSE)
    return number


async def keep_forgetting(store: Store, *, days: int) -> None:
    """Run `forget_deletions` now and every hour, until cancelled."""
    while True:
        try:
            number = await forget_deletions(store, days=days) if store.leads() else 0
            if number:
                log.info("forgot %d deletions older than %d days", number, days)
        except StoreError as error:
            log.warning("old deletions could not be forgotten: %s", error)
        await asyncio.sleep(EVERY)
