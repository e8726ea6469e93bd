"""What the server tells of itself while it runs: how long requests took, what waits, how commits go, what was posted.

Prometheus reads it at `/metrics`. Every name and label is of a fixed set: nothing that a client sends becomes one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOBS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
LATELY = 5.0
"""Seconds after a failed transaction in which it is not tried whether the store takes writes again."""
OTHER = "other"
"""What every address is called that is none of ours."""
_BOUND = "microsoft.nav."


class Watch:
    """The counters of one server process.

    Args:
        version: of the program.
        routes: the last segments that addresses may have: entity sets, navigations, actions, `/healthz`.
    """

    def __init__(self, version: str, routes: Iterable[str] = ()) -> None:
        self._folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
        if self._folder:
            # The library was imported before it could know that processes count together.
            values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        self._routes = {name.lower(): name for name in routes}
        build = Gauge(
            "debitor_build_info",
            "The program that runs.",
            ["version"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(version).set(1)
        self._requests = Histogram(
            "debitor_http_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ["route", "method", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}
        self._group = Histogram(
            "debitor_store_group_jobs", "Requests that shared one commit.", buckets=_JOBS, registry=registry
        )
        self._commit = Histogram(
            "debitor_store_commit_seconds",
            "Time until a group was on disk, after its last statement.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "debitor_store_failures", "Transactions that the store could not begin or commit.", registry=registry
        )
        self._acts = Counter(
            "debitor_ledger_acts", "Acts on the ledgers: postings, applications, reversals.", registry=registry
        )
        self._entries = Counter("debitor_ledger_entries", "Entries written.", ["ledger"], registry=registry)
        self.failing = False
        """The last transaction failed: the store may not take writes."""
        self._failed_at = 0.0

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Tell a value that is asked for whenever somebody reads. Processes that count together tell none: whoever
        answers knows its own only.
        """
        if not self._folder:
            Gauge(f"debitor_{name}", about, registry=self.registry).set_function(value)

    def route_of(self, path: str) -> str:
        """Return the name of the route of an address: `/api/v2.0/companies(…)/customers(…)` -> `customers`."""
        if path.startswith("/docs"):
            return "/docs"
        if path.endswith("/token"):
            return "/token"
        name = path.rpartition("/")[2].partition("(")[0].lower()
        name = name.removeprefix(_BOUND)
        return self._routes.get(name) or self._routes.get(path) or OTHER

    def answered(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        key = (self.route_of(path), method if method in _METHODS else OTHER, status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._requests.labels(key[0], key[1], str(status))
        found.observe(seconds)

    def committed(self, jobs: int, seconds: float) -> None:
        """Count a commit of so many jobs."""
        self.failing = False
        self._group.observe(jobs)
        self._commit.observe(seconds)

    def failed(self) -> None:
        """Count a transaction that failed."""
        self.failing, self._failed_at = True, monotonic()
        self._failures.inc()

    @property
    def failed_lately(self) -> bool:
        """The last transaction failed, only just: small writes may go through where others do not."""
        return self.failing and monotonic() - self._failed_at < LATELY

    def posted(self, acts: int, entries: int, detailed: int) -> None:
        """Count acts on the ledgers, with their G/L entries and detailed customer ledger entries."""
        self._acts.inc(acts)
        self._entries.labels("general").inc(entries)
        self._entries.labels("detailed").inc(detailed)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format: of all processes that count together."""
        if not self._folder:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, self._folder)  # type: ignore[no-untyped-call]
        return generate_latest(together)
