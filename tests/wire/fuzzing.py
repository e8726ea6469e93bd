"""Requests that schemathesis generates from the served OpenAPI documents, against a server of their own.

    python -m wire.fuzzing --requests 50000 --seed 7 --api receivables       (`make fuzz`, which takes every API)

Half of the requests fit the document, the other half break it somewhere. Addresses name the demo company and, mostly,
entities that are there, bodies are often the recorded example with a few members more or less, and options of the
grammar that no schema tells (`$filter`, tokens) are mostly left out, so that requests get behind the first check.
What must hold: no answer of 500 or more; answers with a declared status, content type and schema; afterwards no
traceback in the log, and books in which every invariant holds.
"""

from __future__ import annotations

import argparse
import copy
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok

from debitor.apis import APIS, V2, Api
from wire.conftest import Books, Server, books_of, clean_environment

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
MOST_TOLD = 20
FEWEST = 21
"""Requests per operation and kind: those that fit the document, those that do not."""
VARIANTS = 3
"""Requests of one generated case: with other ids, fewer members, fewer options."""
SLOW = 1.0
"""Seconds."""


@dataclass
class Report:
    """What a run saw. `slow` counts requests of SLOW seconds or more."""

    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slow: int = 0

    def __str__(self) -> str:
        counted = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        told = self.failures[:MOST_TOLD]
        if len(self.failures) > MOST_TOLD:
            told.append(f"and {len(self.failures) - MOST_TOLD} more")
        timed = f"slowest {self.slowest:.3f} s, {self.slow} of {SLOW:g} s or more"
        return "\n".join([f"{self.sent} requests: {counted}", timed, *told])


class Fuzzer:
    """Sends generated requests to a server.

    Args:
        books: the demo company of the server; its session brings the credentials.
        chance: chooses ids for addresses.
        document: what the answers must fit; None: the document that the server serves.
        api: which API is asked.
    """

    def __init__(
        self, books: Books, chance: random.Random, document: dict[str, Any] | None = None, api: Api = V2
    ) -> None:
        self.books, self.chance, self.report = books, chance, Report()
        self.api, self.root = api, books.server.origin + api.root
        if document is None:
            place = f"/openapi/{api.place}.json" if api.place else "/openapi.json"
            document = books.session.get(books.server.origin + place, timeout=60).json()
        self.schema = schemathesis.openapi.from_dict(document)
        self.bodies = {
            (verb, path): media["example"]
            for path, verbs in document["paths"].items()
            for verb, operation in verbs.items()
            for media in operation.get("requestBody", {}).get("content", {}).values()
            if isinstance(media.get("example"), dict)
        }
        """(verb, path) -> a body that is taken."""
        self.below: dict[str, list[tuple[str, str]]] = {}
        """Collection below a parent -> pairs of ids that are or were there: the parent's, the entity's."""
        self.ids: dict[str, list[str]] = {}
        """Entity set -> ids that are or were there."""
        for name in document["paths"]:
            if name.count("/") == 2 and "/$" not in name:
                of = name.rpartition("/")[2]
                known = books.get(f"{self.root}/companies({books.company_id})/{of}?$top=50&$select=id")
                self._remember(of, known.json().get("value", ()))

    def _remember(self, of: str, rows: Any) -> None:
        known = self.ids.setdefault(of, [])
        known += [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
        del known[:-200]

    def operations(self) -> list[Any]:
        """All operations of the document."""
        return [found.ok() for found in self.schema.get_all_operations() if isinstance(found, Ok)]

    def run(self, wanted: int, number: int) -> Report:
        """Send about so many requests, spread over operations in a random order.

        Args:
            wanted: how many.
            number: the seed; the same seed sends the same requests to the same books.
        """
        operations = self.operations()
        most = max(1, wanted // (2 * FEWEST))
        if len(operations) > most:
            # Preparing an operation costs as much as many requests: a short run takes some, mostly those that write.
            reading = [o for o in operations if o.method.upper() == "GET"]
            writing = [o for o in operations if o.method.upper() != "GET"]
            some = self.chance.sample(writing, min(len(writing), most * 2 // 3))
            operations = some + self.chance.sample(reading, min(len(reading), most - len(some)))
        each = -(-wanted // (2 * len(operations) * VARIANTS))
        self.chance.shuffle(operations)
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._operation(operation, mode, each, number)
        return self.report

    def _operation(self, operation: Any, mode: GenerationMode, each: int, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=each,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            # Making a case takes several times as long as sending it.
            kept = case.path_parameters, case.query, case.headers, case.body
            for _ in range(VARIANTS):
                case.path_parameters, case.query, case.headers, case.body = copy.deepcopy(kept)
                self._send(case, fits=mode is GenerationMode.POSITIVE)

        send()

    def _choose(self, case: Any) -> None:
        """Make a request that fits the document one that more likely succeeds."""
        query = case.query or {}
        for name in ("$filter", "$skiptoken", "$deltatoken", "$expand"):
            if name in query and self.chance.random() < 0.9:
                del query[name]
                if name == "$filter" and (condition := self._condition(case.path)):
                    query[name] = condition
        example = self.bodies.get((case.method.lower(), case.path))
        if example is not None and isinstance(case.body, dict) and self.chance.random() < 0.7:
            more = self.chance.sample(list(case.body), min(len(case.body), self.chance.choice((0, 0, 1, 2))))
            case.body = {**copy.deepcopy(example), **{name: case.body[name] for name in more}}
            for name in ("code", "number"):
                if name in example:
                    case.body[name] = f"F{self.chance.getrandbits(32):X}"

    def _condition(self, path: str) -> str:
        """A `$filter` that names the parent, for a set that wants to know it."""
        of = self.api.catalog.get(path.removesuffix("/$count").rpartition("/")[2])
        if of is None or not of.guard:
            return ""
        known = [id for name in _LEADS.get(of.guard[0], ()) for id in self.ids.get(name, ())]
        return f"{of.guard[0]} eq {self.chance.choice(known)}" if known else ""

    def _send(self, case: Any, *, fits: bool) -> None:
        """Send one request. Failures are kept, not raised: books that changed would make them flaky."""
        owner = case.path.split("/")[2].partition("(")[0] if case.path.count("/") > 1 else "companies"
        given = case.path_parameters = dict(case.path_parameters or {})
        if "company_id" in given and self.chance.random() < 0.95:
            given["company_id"] = self.books.company_id
        if "id" in given and self.ids.get(owner) and self.chance.random() < 0.8:
            given["id"] = self.chance.choice(self.ids[owner])
        collection = case.path.partition("({line_id}")[0]
        if "line_id" in given and self.below.get(collection) and self.chance.random() < 0.8:
            given["id"], given["line_id"] = self.chance.choice(self.below[collection])
        headers = case.headers
        if headers is not None and "If-Match" in headers and self.chance.random() < 0.7:
            headers["If-Match"] = "*"
        if headers is not None and "Idempotency-Key" in headers and self.chance.random() < 0.9:
            headers["Idempotency-Key"] = f"{self.chance.getrandbits(64):x}"
        if fits and self.chance.random() < 0.8:
            self._choose(case)
        elif isinstance(case.body, dict) and self.chance.random() < 0.7:
            # Random references are refused: few members get further.
            kept = self.chance.sample(list(case.body), min(len(case.body), self.chance.randint(1, 3)))
            case.body = {name: value for name, value in case.body.items() if name in kept}
        if case.query and self.chance.random() < 0.5:
            del case.query[self.chance.choice(list(case.query))]
        self._point(case.body)
        started = time.perf_counter()
        try:
            answer = case.call(base_url=self.root, session=self.books.session, timeout=60)
        except (requests.exceptions.InvalidHeader, UnicodeError):
            return  # no HTTP client would send it
        taken = time.perf_counter() - started
        report = self.report
        report.sent += 1
        report.statuses[answer.status_code] += 1
        report.slowest = max(report.slowest, taken)
        report.slow += taken >= SLOW
        told = f"{case.method} {answer.request.url} {str(case.body)[:300]}: {answer.status_code}"
        if answer.status_code >= 500 and answer.status_code != 501:
            report.failures.append(f"{told} {answer.text[:300]}")
            return
        if answer.status_code in (200, 201) and "json" in answer.headers.get("Content-Type", ""):
            self._learn(case, answer.json(), answer.status_code == 201)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            report.failures += [f"{told} {failure}"[:900] for failure in group.exceptions]
        except Failure as failure:
            report.failures.append(f"{told} {failure}"[:900])

    def _learn(self, case: Any, told: dict[str, Any], new: bool) -> None:
        """Remember ids of an answer: of entities that were made, and of those below others."""
        rows = [told] if new else told.get("value")
        if not isinstance(rows, list):
            return
        if new:
            self._remember(case.path.rpartition("/")[2].partition("(")[0], rows)
        if "id" in case.path_parameters and not case.path.endswith(")"):
            found = [(case.path_parameters["id"], row["id"]) for row in rows if isinstance(row, dict) and "id" in row]
            known = self.below.setdefault(case.path, [])
            known += found[:5]
            del known[:-50]

    def _point(self, body: Any) -> None:
        """Let ids in a body name entities that are there."""
        if not isinstance(body, dict):
            return
        for name, value in body.items():
            for of in _LEADS.get(name, ()):
                if isinstance(value, str) and self.ids.get(of) and self.chance.random() < 0.7:
                    body[name] = self.chance.choice(self.ids[of])
            if isinstance(value, list):
                for item in value:
                    self._point(item)


_LEADS = {
    "journalId": ("customerPaymentJournals", "journals"),
    "customerId": ("customers",),
    "accountId": ("accounts",),
    "balancingAccountId": ("accounts",),
    "appliesToInvoiceId": ("salesInvoices",),
    "documentId": ("salesInvoices",),
    "parentId": ("salesInvoices",),
    "relatedId": ("customers",),
    "itemId": ("items",),
    "dimensionId": ("dimensions",),
    "paymentTermsId": ("paymentTerms",),
}


def run(folder: Path, wanted: int, number: int, api: Api = V2) -> Report:
    """Start a server, send the requests, stop it, look at its log and check its books.

    Args:
        folder: an empty folder for the books.
        wanted: how many requests.
        number: the seed.
        api: which API is asked.
    """
    server = Server(folder / "books", "--demo")
    try:
        books = books_of(server)
        report = Fuzzer(books, random.Random(number), api=api).run(wanted, number)
        books.session.close()
    finally:
        code = server.stop()
    if code:
        report.failures.append(f"the server ended with {code}")
    if "Traceback" in (logged := Path(server.log.name).read_text()):
        report.failures.append(f"the log has a traceback: {logged[logged.index('Traceback') :][:2000]}")
    checked = subprocess.run(
        [sys.executable, "-m", "debitor.cli", "check", *server.books],
        capture_output=True,
        text=True,
        env=clean_environment(),
    )
    if checked.returncode:
        report.failures.append(f"debitor check: {checked.stdout} {checked.stderr}")
    return report


def main() -> int:
    """Run from the command line; the exit code is 1 when something failed or was slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--api", choices=[api.place or "v2.0" for api in APIS], help="default: all, one by one")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    bad = False
    for api in APIS:
        if asked.api in (None, api.place or "v2.0"):
            with tempfile.TemporaryDirectory() as folder:
                report = run(Path(folder), asked.requests, asked.seed, api)
            print(f"{api.root}: {report}", flush=True)
            bad = bad or bool(report.failures or report.slow)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
