"""Old deletions are forgotten in portions, and only old ones."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debitor import upkeep
from debitor.store import Span
from debitor.store.opening import open_store
from store.shelves import SHELVES, Country

DAY = 86_400_000_000_000
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_deletions_are_forgotten_after_their_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PORTION", 2)
    monkeypatch.setattr(upkeep, "PAUSE", 0)
    at = [START]
    store = open_store(f"sqlite://{tmp_path}/s.db", records=SHELVES, clock=lambda: at[0])
    for day in range(10):
        at[0] = START + day * DAY
        with store.transaction() as root:
            for company in (1, 2):
                row = root.at(company).insert(Country(code=f"C{day}"))
                root.at(company).delete(row)

    async def run() -> int:
        number = await upkeep.forget_deletions(store, days=4, now=lambda: datetime(2026, 1, 10, 12, tzinfo=UTC))
        return number + 100 * await upkeep.forget_deletions(
            store, days=4, now=lambda: datetime(2026, 1, 10, 12, tzinfo=UTC)
        )

    assert asyncio.run(run()) == 12
    reader = store.reader()
    kept = reader.at(1).changed(Country, Span(0, "", reader.latest()), 100)
    assert len(kept) == 4
    assert 0 < reader.forgotten() < kept[0].version
    store.close()
