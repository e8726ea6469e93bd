"""The rows of docs/compatibility.md: what a client does, and what comes of it at Business Central and in both modes.

A row is a function that does it against a server and tells the status and what happened. The page is made from the
rows by running them, and the tests run them again:

    python -m wire.compatibility        (in the folder tests/) writes docs/compatibility.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOC = Path(__file__).parents[2] / "docs" / "compatibility.md"
PAYMENTS = "Payments and journals"

_INTRODUCTION = """\
# Documented and strict mode

`compat = "documented"` (the default) makes every request of Microsoft's page "Create customerPayments" work as the
page promises, and adds what OData 4.0 has and Business Central has not. `compat = "strict"` answers as Business
Central itself does, so an integration that passes here passes there.

The tables are made by running the rows of `tests/wire/test_compatibility.py` and `tests/wire/protocol_rows.py`; the
tests run them again and fail when one of them answers otherwise. "Not known" means that no source tells; what was
decided then stands in [decisions/0015](decisions/0015-protocol.md).
"""
_END = """\

What both modes do in their own way, because Business Central's behaviour depends on the order of events inside it, is
listed in the module documentation of `operations/payments.py`.
"""
_HEAD = "| what the client does | Business Central | `strict` | `documented` |\n|---|---|---|---|\n"
_CODE = re.compile(r"[A-Z][A-Za-z]+(_[A-Za-z]+)?").fullmatch


@dataclass(frozen=True)
class Row:
    """One line of the page. `central` is what Business Central does; "" means: what strict mode does."""

    what: str
    run: Callable[[Any], tuple[int, str]]
    area: str
    central: str


ROWS: list[Row] = []


def row(what: str, *, area: str = PAYMENTS, central: str = "") -> Callable[[Callable[[Any], tuple[int, str]]], None]:
    """Declare a row; the function takes Books and returns the status and the error code, or what happened."""
    return lambda run: ROWS.append(Row(what, run, area, central))


def code_of(answer: Any) -> tuple[int, str]:
    """Return the status and the error code, "" when it is no error."""
    return answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else ""


def cell(outcome: tuple[int, str]) -> str:
    """Return an outcome as the page prints it."""
    status, what = outcome
    if not what:
        return str(status)
    return f"{status} {what}" if status >= 400 and _CODE(what) else f"{status}, {what}"


def page(rows: Sequence[Row], outcomes: Mapping[tuple[str, str], str]) -> str:
    """Return the page. `outcomes`: (what, mode) -> cell."""
    parts = [_INTRODUCTION]
    for area in dict.fromkeys(r.area for r in rows):
        lines = []
        for r in rows:
            if r.area == area:
                strict, documented = outcomes[r.what, "strict"], outcomes[r.what, "documented"]
                lines.append(f"| {r.what} | {r.central or strict} | {strict} | {documented} |\n")
        parts.append(f"\n## {area}\n\n{_HEAD}{''.join(lines)}")
    return "".join((*parts, _END))


def printed() -> dict[tuple[str, str], str]:
    """Return what the page says: (what, mode) -> cell; the mode `central` is Business Central."""
    found: dict[tuple[str, str], str] = {}
    for line in DOC.read_text().splitlines():
        cells = [part.strip() for part in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and re.match(r"\d{3}", cells[3]):
            found[cells[0], "central"], found[cells[0], "strict"], found[cells[0], "documented"] = cells[1:]
    return found


def write() -> None:
    """Run all rows in both modes and write the page."""
    import tempfile

    import wire.test_compatibility  # noqa: F401 - declares the rows
    from wire.conftest import Server, books_of

    outcomes: dict[tuple[str, str], str] = {}
    for mode in ("strict", "documented"):
        server = Server(Path(tempfile.mkdtemp()) / "books", "--demo", "--compat", mode)
        try:
            books = books_of(server)
            outcomes.update({(r.what, mode): cell(r.run(books)) for r in ROWS})
        finally:
            server.stop()
    DOC.write_text(page(ROWS, outcomes))


if __name__ == "__main__":
    # The rows declare themselves in the module as others import it.
    from wire.compatibility import write as write_the_page

    write_the_page()
