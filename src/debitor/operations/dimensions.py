"""Dimensions in the store: sets (equal ones share one number, 0 is the empty set), and the defaults of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debitor.ledger.dimensions import Combinations, Pairs, combinations_of, fingerprint
from debitor.ledger.records import (
    DefaultDimension,
    Dimension,
    DimensionCombination,
    DimensionSet,
    DimensionSetEntry,
    DimensionValue,
    DimensionValueCombination,
    ReceivablesSetup,
)
from debitor.schema import BLANK_GUID
from debitor.store import Reader, Transaction


def number_of_set(tx: Reader, pairs: Pairs) -> int | None:
    """Return the number of a dimension set, None when it is not stored. Blank values are left out."""
    filled = {dimension: value for dimension, value in pairs.items() if value}
    if not filled:
        return 0
    known = tx.find(DimensionSet, fingerprint=fingerprint(filled))
    return known.number if known else None


def set_number(tx: Transaction, pairs: Pairs) -> int:
    """Return the number of a dimension set, storing the set when it is new.

    Args:
        pairs: dimension code -> value code; blank values are left out.
    """
    known = number_of_set(tx, pairs)
    if known is not None:
        return known
    filled = {dimension: value for dimension, value in pairs.items() if value}
    mark = fingerprint(filled)
    # Safe without a lock: a company's writes follow one another, and `fingerprint` and `number` are unique.
    number = int(tx.greatest(DimensionSet, "number")) + 1
    setup = tx.find(ReceivablesSetup) or ReceivablesSetup()
    tx.insert(
        DimensionSet(
            number=number,
            fingerprint=mark,
            global_dimension_1_value=filled.get(setup.global_dimension_1, ""),
            global_dimension_2_value=filled.get(setup.global_dimension_2, ""),
        )
    )
    tx.insert_many(
        DimensionSetEntry(set_number=number, dimension_code=dimension, value_code=value)
        for dimension, value in sorted(filled.items())
    )
    return number


def pairs_of(tx: Reader, number: int) -> dict[str, str]:
    """Return a dimension set as dimension code -> value code."""
    if not number:
        return {}
    return {e.dimension_code: e.value_code for e in tx.all(DimensionSetEntry, set_number=number)}


def dimension_sources(tx: Reader, *owners: tuple[str, str]) -> list[list[DefaultDimension]]:
    """Return the default dimensions of records (table, id), each record's own before those of its table."""
    if not owners:
        return []
    ids = [id for _, id in owners]
    rows = tx.all(DefaultDimension, parent_id=[*ids, BLANK_GUID])
    return [
        sorted((r for r in rows if r.parent_type == table and r.parent_id in (id, BLANK_GUID)), key=_whole_table)
        for table, id in owners
    ]


def _whole_table(default: DefaultDimension) -> bool:
    return default.parent_id == BLANK_GUID


def dimensions_of(
    tx: Reader, sets: Mapping[int, Mapping[str, str]]
) -> tuple[dict[str, Dimension], dict[tuple[str, str], DimensionValue]]:
    """Return the dimensions and values that some sets name."""
    codes = {code for pairs in sets.values() for code in pairs}
    if not codes:
        return {}, {}
    used = {value for pairs in sets.values() for value in pairs.values()}
    dimensions = {d.code: d for d in tx.all(Dimension, code=codes)}
    rows = tx.all(DimensionValue, dimension_code=codes, code=used)
    return dimensions, {(v.dimension_code, v.code): v for v in rows}


def combinations(tx: Reader) -> Combinations:
    """Return which dimensions and values do not go together."""
    return combinations_of(tx.all(DimensionCombination), tx.all(DimensionValueCombination))


def rules_of(tx: Reader, owners: Sequence[tuple[str, str]]) -> dict[str, list[DefaultDimension]]:
    """Return the default dimensions of records (table, id) by id; a record's own replace those of its table."""
    rules: dict[str, list[DefaultDimension]] = {}
    for (_, id), source in zip(owners, dimension_sources(tx, *owners), strict=True):
        first: dict[str, DefaultDimension] = {}
        for default in source:
            first.setdefault(default.dimension_code, default)
        rules[id] = list(first.values())
    return rules
