"""The README's examples, run as they are printed: only address, id and secret are filled in."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wire.conftest import CLIENT_ID, CLIENT_SECRET

README = (Path(__file__).parents[2] / "README.md").read_text()
ADDRESS = "http://127.0.0.1:7048"


def blocks(language: str, heading: str) -> list[str]:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_the_python_example(fresh_books: Any) -> None:
    """It prints the invoice's status and what remains of it."""
    (code,) = blocks("python", "The first payment, by Python")
    before = fresh_books.get("salesInvoices?$filter=number eq '100000'").json()["value"][0]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code.replace(ADDRESS, fresh_books.server.origin), {"ID": CLIENT_ID, "SECRET": CLIENT_SECRET})

    assert printed.getvalue().split() == ["Open", str(before["remainingAmount"] - 200)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example needs curl, which is not on this machine")
def test_the_curl_example(fresh_books: Any) -> None:
    """The payment of the founding page, posted, and seen in ledger and invoice."""
    first, second = blocks("sh", "The first payment, by curl")
    first = first.replace(ADDRESS, fresh_books.server.origin)
    setting = first.replace("ID=... SECRET=...", f"ID={CLIENT_ID} SECRET={CLIENT_SECRET}")

    def run(script: str) -> str:
        return subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=True, timeout=60).stdout

    payment = json.loads(run(setting))
    exports = "\n".join(line for line in setting.splitlines() if line.startswith("export"))
    out = run(f"{exports}\n{second.replace('JOURNAL=...', 'JOURNAL=' + payment['journalId'])}")
    entries, invoices = (json.loads(part) for part in re.findall(r"\{.*?\]\}", out))

    assert payment["amount"] == 1500
    assert [e["debitAmount"] - e["creditAmount"] for e in entries["value"]] == [1500, -1500]
    assert invoices["value"][0]["remainingAmount"] == 2765 - 1500
