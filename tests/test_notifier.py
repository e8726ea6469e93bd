"""What is told, and when it is tried again: the notifier on the toy sets, with a clock and a receiver of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from debitor import notifier
from debitor.notifier import Notifier
from debitor.operations.subscriptions import Subscription, SubscriptionDelivery, stamp
from debitor.receiver import Answer, Unreachable
from debitor.schema import BLANK_GUID, record_of
from debitor.store.opening import open_store
from odata import toys
from odata.host import CATALOG, COMPANY, ToyHost

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class World:
    """A store, a subscription to authors, a receiver that does what it is told, and a clock."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self.time = START
        self.posts: list[Any] = []
        self.answers: list[int | Unreachable] = []
        self.open()
        with self.store.transaction() as root:
            row = Subscription(
                subscription_id="s1", notification_url="https://x/", resource="api/v2.0/companies(C)/authors",
                client="tester", company_key=COMPANY.key, company_id=COMPANY.id, entity_set="authors",
                expires_at=stamp(START + timedelta(days=3)), **more,
            )  # fmt: skip
            root.insert(row)
            root.insert(SubscriptionDelivery(subscription_id="s1", told=root.newest(), told_at=stamp(START)))

    def open(self) -> None:
        records = [record_of(c) for c in (toys.Publisher, toys.Author, toys.Book, Subscription, SubscriptionDelivery)]
        url = f"sqlite://{self.folder}/toys.db"
        self.store = open_store(url, records=records, clock=lambda: int(self.time.timestamp() * 1e9))
        host = ToyHost(CATALOG, strict=False)
        self.notifier = Notifier(self.store, host, self.post, delay=0, now=lambda: self.time)

    def post(self, url: str, body: bytes) -> Answer:
        self.posts.append(json.loads(body)["value"])
        said = self.answers.pop(0) if self.answers else 200
        if isinstance(said, Unreachable):
            raise said
        return Answer(said, b"")

    def look(self) -> list[Any]:
        """Look once, and wait for what it starts; returns what was sent."""

        async def once() -> None:
            await self.notifier.look()
            await self.notifier.settled()

        before = len(self.posts)
        asyncio.run(once())
        return self.posts[before:]

    def add(self, *numbers: str) -> list[Any]:
        with self.store.transaction() as root:
            return [root.at(COMPANY.key).insert(toys.Author(number=n)) for n in numbers]

    def place(self) -> SubscriptionDelivery | None:
        return self.store.reader().find(SubscriptionDelivery, subscription_id="s1")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def kinds(sent: list[Any]) -> list[list[str]]:
    return [[item["changeType"] for item in items] for items in sent]


def test_nothing_changed_nothing_is_sent(world: World) -> None:
    assert world.look() == []


def test_changes_of_one_delay_are_one_notification_each(world: World) -> None:
    one, two, three = world.add("A1", "A2", "A3")
    assert kinds(world.look()) == [["created", "created", "created"]]
    with world.store.transaction() as root:
        tx = root.at(COMPANY.key)
        one = tx.update(one, display_name="x")
        tx.update(one, display_name="y")
        tx.delete(two)
        passing = tx.insert(toys.Author(number="A4"))
        tx.delete(passing)
        tx.insert(toys.Book(author_id=three.id, price=Decimal(5), in_print=True))

    [sent] = world.look()

    assert [(s["changeType"], s["resource"]) for s in sent] == [
        ("updated", f"api/v2.0/companies({COMPANY.id})/authors({one.id})"),
        ("deleted", f"api/v2.0/companies({COMPANY.id})/authors({two.id})"),
        ("updated", f"api/v2.0/companies({COMPANY.id})/authors({three.id})"),
    ]
    assert world.look() == []


def test_other_companies_and_sets_are_not_told(world: World) -> None:
    with world.store.transaction() as root:
        root.at(2).insert(toys.Author(number="A1"))
        root.at(COMPANY.key).insert(toys.Publisher(code="P"))

    assert world.look() == []
    assert len(world.add("A2")) == 1
    assert kinds(world.look()) == [["created"]]


def test_more_than_is_told_one_by_one_is_a_collection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "MOST", 2)
    world.add("A1", "A2", "A3")

    [[sent]] = world.look()

    assert sent["changeType"] == "collection"
    path, _, wanted = sent["resource"].partition("?$filter=lastModifiedDateTime%20gt%20")
    assert path == "api/v2.0/companies(C)/authors"
    assert wanted <= stamp(START)
    assert world.look() == []


def test_a_failing_receiver_is_tried_again_after_growing_pauses(world: World) -> None:
    world.add("A1")
    world.answers = [500, 429, 408, Unreachable("away"), 503]
    begun = world.time
    pauses = []
    for _ in range(5):
        assert kinds(world.look()) == [["created"]]
        assert world.look() == []
        place = world.place()
        assert place is not None
        wait = datetime.fromisoformat(place.next_attempt) - world.time
        pauses.append(wait.total_seconds())
        world.time += wait
    world.add("A2")

    assert pauses == [1, 2, 4, 8, 16]
    assert kinds(world.look()) == [["created", "created"]]
    place = world.place()
    assert place is not None
    assert place.failures == 0
    assert world.time > begun


def test_after_a_day_and_a_half_of_failure_it_ends(world: World) -> None:
    world.add("A1")
    world.answers = [500] * 100
    while (place := world.place()) is not None:
        world.look()
        world.time = max(world.time, datetime.fromisoformat(place.next_attempt)) + timedelta(seconds=1)

    assert timedelta(hours=36) <= world.time - START < timedelta(hours=38)
    assert 40 < len(world.posts) < 60
    assert world.store.reader().count(Subscription) == 0


@pytest.mark.parametrize("said", [301, 400, 401, 404, 410, Unreachable("private", forbidden=True)])
def test_a_final_answer_ends_it(world: World, said: int | Unreachable) -> None:
    world.add("A1")
    world.answers = [said]
    world.look()

    assert world.store.reader().count(Subscription) == 0
    assert world.place() is None


def test_it_ends_when_it_expires(world: World) -> None:
    world.time += timedelta(days=3)
    world.add("A1")

    assert world.look() == []
    assert world.store.reader().count(Subscription) == 0


def test_a_crash_before_the_receiver_said_yes_tells_again(world: World) -> None:
    """At least once: what was told is written down afterwards."""
    world.add("A1")
    world.answers = [500]
    assert kinds(world.look()) == [["created"]]
    world.store.close()
    world.open()
    world.time += timedelta(seconds=5)

    assert kinds(world.look()) == [["created"]]
    world.store.close()
    world.open()
    assert world.look() == []


def test_deletions_that_were_forgotten_are_a_collection(world: World) -> None:
    [one] = world.add("A1")
    with world.store.transaction() as root:
        root.at(COMPANY.key).delete(one)
    with world.store.transaction() as root:
        assert root.forget_deletions("2999-01-01T00:00:00.000Z", 10) == 1

    assert kinds(world.look()) == [["collection"]]


def test_an_error_of_the_program_does_not_repeat_at_every_look(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.add("A1")
    real = world.notifier._news
    monkeypatch.setattr(world.notifier, "_news", lambda *_: 1 // 0)
    assert world.look() == world.look() == []
    assert [r.message for r in caplog.records] == ["subscription s1: integer division or modulo by zero"]
    monkeypatch.setattr(world.notifier, "_news", real)
    world.time += timedelta(minutes=2)

    assert kinds(world.look()) == [["created"]]


def test_one_entity(tmp_path: Path) -> None:
    id = "0a1b2c3d-0000-4000-8000-00000000000a"
    world = World(tmp_path, entity_id=id)
    assert id != BLANK_GUID
    with world.store.transaction() as root:
        root.at(COMPANY.key).insert(toys.Author(id=id, number="A1"))
        root.at(COMPANY.key).insert(toys.Author(number="A2"))

    assert [[s["resource"][-37:-1] for s in sent] for sent in world.look()] == [[id]]
    world.store.close()


def test_its_place_is_written_down_now_and_then_without_news(world: World) -> None:
    """So that what it does not know never falls behind what is remembered of deletions."""
    before = world.place()
    world.time += timedelta(hours=2)
    with world.store.transaction() as root:
        root.at(COMPANY.key).insert(toys.Publisher(code="P"))
    assert world.look() == []

    after = world.place()
    assert before is not None
    assert after is not None
    assert after.told > before.told
