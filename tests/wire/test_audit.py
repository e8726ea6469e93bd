"""Who did what, as a client sees it: auditEntries of debitor's own API, and `debitor audit`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from wire.conftest import CLIENT_ID, Books, clean_environment
from wire.receivables import Ledger, ledger_of


@pytest.fixture
def ledger(books: Books) -> Ledger:
    return ledger_of(books)


def trail(ledger: Ledger, request_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.get(f"auditEntries?$filter=requestId eq '{request_id}'")["value"]
    return found


def test_a_change_of_master_data_is_kept_with_both_values(ledger: Ledger, books: Books) -> None:
    made = books.post("paymentTerms", {"code": "AUDIT", "displayName": "Before", "dueDateCalculation": "1M"})
    changed = books.patch(
        f"paymentTerms({made.json()['id']})", {"displayName": "After"}, headers={"User-Agent": "till/1.0"}
    )
    gone = books.delete(f"paymentTerms({made.json()['id']})")

    (first,), (second,), (third,) = (trail(ledger, r.headers["request-id"]) for r in (made, changed, gone))
    assert (first["method"], first["entitySet"], first["entityId"]) == ("POST", "paymentTerms", made.json()["id"])
    assert (second["clientId"], second["userAgent"], second["api"]) == (CLIENT_ID, "till/1.0", "api/v2.0")
    assert json.loads(second["changes"]) == [
        {"record": "paymentTerm", "code": "AUDIT", "columns": {"description": ["Before", "After"]}}
    ]
    assert json.loads(third["changes"])[0]["columns"]["description"] == ["After", None]
    assert second["address"].endswith(f"paymentTerms({made.json()['id']})")


def test_what_was_refused_or_only_read_leaves_nothing(ledger: Ledger, books: Books) -> None:
    refused = books.post("paymentTerms", {"displayName": "no code"})
    read = books.get("customers?$top=1")

    assert refused.status_code == 400
    assert trail(ledger, refused.headers["request-id"]) == trail(ledger, read.headers["request-id"]) == []


def test_a_posting_leads_to_its_seals(ledger: Ledger, books: Books) -> None:
    customer = ledger.customer()
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": customer, "amount": -12, "documentNumber": "AUDIT-1"}
    paid = books.post(f"customerPaymentJournals({journal})/customerPayments", body)
    posted = books.post(f"journals({journal})/Microsoft.NAV.post")

    (line,), (act,) = trail(ledger, paid.headers["request-id"]), trail(ledger, posted.headers["request-id"])
    assert (line["entitySet"], line["entityId"], line["firstSeal"]) == ("customerPayments", paid.json()["id"], 0)
    assert (act["action"], act["entityId"]) == ("post", journal)
    assert act["firstSeal"] == act["lastSeal"] > 0
    entry = ledger.entry("AUDIT-1")
    general = ledger.get(f"customerLedgerEntries({entry['id']})/generalLedgerEntries")["value"]
    register = ledger.get(f"generalLedgerRegisters(number={general[0]['registerNumber']})")
    assert len(register["hash"]) == 64


def test_parts_of_a_batch_are_kept_one_by_one(ledger: Ledger, books: Books) -> None:
    of = f"companies({books.company_id})"
    parts: list[dict[str, Any]] = [
        {
            "id": str(at),
            "method": "POST",
            "url": f"{of}/shipmentMethods",
            "body": {"code": code},
        }
        for at, code in enumerate(("AUDIT1", "AUDIT2", ""))
    ]
    for part in parts:
        part["headers"] = {"Content-Type": "application/json"}
    done = books.session.post(
        f"{books.root}/$batch", json={"requests": parts}, headers={"Prefer": "odata.continue-on-error"}, timeout=60
    )

    assert [r["status"] for r in done.json()["responses"]] == [201, 201, 400]
    kept = ledger.get("auditEntries?$filter=entitySet eq 'shipmentMethods' and contains(changes, 'AUDIT')")["value"]
    assert len(kept) == 2


def test_the_trail_is_read_only(ledger: Ledger) -> None:
    (some,) = ledger.get("auditEntries?$top=1")["value"]
    url = f"{ledger.url}/auditEntries({some['id']})"

    assert ledger.post("auditEntries", {}).status_code == 405
    for verb in ("PATCH", "DELETE"):
        assert ledger.v2.session.request(verb, url, json={}, timeout=60).status_code == 405


def test_the_command_lists_it(ledger: Ledger, books: Books) -> None:
    made = books.post("shipmentMethods", {"code": "AUDIT9", "displayName": "By cable car"})
    command = [sys.executable, "-m", "debitor.cli", "audit", *books.server.books]
    of = ["--request", made.headers["request-id"]]
    told = subprocess.run(
        [*command, *of, "--json"], env=clean_environment(), capture_output=True, text=True, timeout=60, check=True
    )
    shown = subprocess.run(
        [*command, *of], env=clean_environment(), capture_output=True, text=True, timeout=60, check=True
    )

    (row,) = json.loads(told.stdout)
    assert (row["client_id"], row["entity_set"], row["entity_id"]) == (
        CLIENT_ID,
        "shipmentMethods",
        made.json()["id"],
    )
    assert made.headers["request-id"] in shown.stdout
