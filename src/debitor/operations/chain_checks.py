"""Checking the chain of a company: every row of its ledgers lies in a seal, and every seal has the right hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from debitor.ledger.chain import COLUMNS, FORM, LEDGERS, Hasher, number_of, seal_findings
from debitor.ledger.records import GeneralLedgerRegister, LedgerSeal
from debitor.schema import Row, record_of
from debitor.store import Reader

WINDOW = 2000
"""Rows read at a time."""


def chain_findings(reader: Reader) -> Iterator[str]:
    """Yield what is wrong with the chain, the first seal that does not hold first."""
    ledgers = {of: _Rows(reader, of, "entry_number") for of in LEDGERS}
    registers = _Rows(reader, GeneralLedgerRegister, "number")
    for seal, broken in seal_findings(_seals(reader)):
        if broken:
            yield broken
        if seal.form != FORM:
            yield f"Ledger seal {seal.number} has form {seal.form}, which this version does not know."
            return
        hasher = Hasher(seal)
        found: dict[type[Row], list[Any]] = {}
        if seal.register_number:
            found[GeneralLedgerRegister] = list(registers.up_to(seal.register_number))
            hasher.add(GeneralLedgerRegister, found[GeneralLedgerRegister])
        for of, rows in ledgers.items():
            part: list[Any] = []
            for row in rows.up_to(number_of(of, seal)):
                part.append(row)
                if len(part) == WINDOW:
                    hasher.add(of, part)
                    found.setdefault(of, []).extend((part[0], part[-1]))
                    part = []
            hasher.add(of, part)
            if part:
                found.setdefault(of, []).extend((part[0], part[-1]))
        if hasher.hexdigest() != seal.hash:
            yield f"Ledger seal {seal.number} does not have the hash of what it seals: {_told(found)}."
    for rows in (registers, *ledgers.values()):
        loose = next(rows.rest(), None)
        if loose is not None:
            name = record_of(type(loose)).name.replace("_", " ").capitalize()
            yield f"{name} {rows.number(loose)} is in no ledger seal."


def _told(found: dict[type[Row], list[Any]]) -> str:
    """Name the rows of a seal."""
    parts = []
    for of in COLUMNS:
        if rows := found.get(of):
            name = record_of(of).name.replace("_", " ")
            first, last = (r.number if of is GeneralLedgerRegister else r.entry_number for r in (rows[0], rows[-1]))
            parts.append(f"{name} {first}" if first == last else f"{name} {first} to {last}")
    return ", ".join(parts) or "nothing"


def _seals(reader: Reader) -> Iterator[LedgerSeal]:
    last = reader.greatest(LedgerSeal, "number")
    for low in range(1, last + 1, WINDOW):
        numbers = list(range(low, min(low + WINDOW, last + 1)))
        yield from reader.all(LedgerSeal, number=numbers, order=("number",))


class _Rows:
    """The rows of one record by ascending number, read by windows, each once."""

    def __init__(self, reader: Reader, of: type[Row], by: str) -> None:
        self._reader, self._of, self._by = reader, of, by
        self._last = reader.greatest(of, by)
        self._walk = self._all()
        self._next: Any = next(self._walk, None)

    def number(self, row: Any) -> int:
        """The number of a row."""
        return int(getattr(row, self._by))

    def _all(self) -> Iterator[Any]:
        for low in range(1, self._last + 1, WINDOW):
            numbers = list(range(low, min(low + WINDOW, self._last + 1)))
            among: dict[str, Any] = {self._by: numbers}
            yield from self._reader.all(self._of, order=(self._by,), **among)

    def up_to(self, number: int) -> Iterator[Any]:
        """Yield the rows that were not yielded before, up to a number."""
        while self._next is not None and self.number(self._next) <= number:
            row, self._next = self._next, next(self._walk, None)
            yield row

    def rest(self) -> Iterator[Any]:
        """Yield the rows that are left."""
        return self.up_to(self._last)
