"""Dimension sets: where a document's dimensions come from, and what posting demands of them.

A set is a mapping dimension code -> value code. Defaults come from several sources (customer, item, account ...),
the most important first; the first that names a dimension wins:

    customer: AREA=NORTH, DEPARTMENT=SALES      account: DEPARTMENT=ADMIN, PROJECT=P1
    -> AREA=NORTH, DEPARTMENT=SALES, PROJECT=P1

Source: BCApps DimensionManagement.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from debitor.ledger.records import (
    CombinationRestriction,
    DefaultDimension,
    Dimension,
    DimensionCombination,
    DimensionValue,
    DimensionValueCombination,
    PostingValidation,
)
from debitor.schema import Refused

Pairs = Mapping[str, str]
"""A dimension set: dimension code -> value code."""

Combinations = Mapping[tuple[str, str], frozenset[tuple[str, str]] | None]
"""Two dimensions -> the pairs of their values that do not go together; None: no values of theirs do."""

ALL_GO_TOGETHER: Combinations = {}

_ESCAPES = str.maketrans({"%": "%25", "=": "%3D", "|": "%7C"})


def fingerprint(pairs: Pairs) -> str:
    """Return the text that equal sets, and only they, have in common: `AREA=NORTH|DEPARTMENT=SALES`.

    `%`, `=` and `|` inside codes are written %25, %3D and %7C.
    """
    return "|".join(
        f"{dimension.translate(_ESCAPES)}={pairs[dimension].translate(_ESCAPES)}" for dimension in sorted(pairs)
    )


def default_set(
    sources: Sequence[Sequence[DefaultDimension]], priorities: Sequence[int] | None = None
) -> dict[str, str]:
    """Return the dimensions that the sources give.

    Args:
        sources: the defaults of each source, the source that counts most first; within a source a record's own
            defaults before those of its whole table. Defaults without a value are only rules and give nothing.
        priorities: one number per source, 0 = none: a smaller number replaces a larger one or none; equal
            numbers keep the first.
    """
    result: dict[str, str] = {}
    if priorities is None:
        for source in sources:
            for default in source:
                if default.value_code:
                    result.setdefault(default.dimension_code, default.value_code)
        return result
    ranks: dict[str, int] = {}
    for source, priority in zip(sources, priorities, strict=True):
        for default in source:
            dimension = default.dimension_code
            known = ranks.get(dimension)
            if not default.value_code or (known is not None and not (priority and (not known or priority < known))):
                continue
            ranks[dimension] = priority
            result[dimension] = default.value_code
    return result


def check(pairs: Pairs, rules: Sequence[DefaultDimension], *, record: str, where: str) -> None:
    """Refuse a set that breaks a rule of one record's default dimensions.

    Args:
        rules: the record's default dimensions.
        record: what the rules belong to, for the message: `customer 10400`.
        where: what carries the set, for the message: `line 10000 of journal CASH`.

    Raises:
        Refused: a value is missing (Code Mandatory), is not the one demanded (Same Code; a rule with a blank
            value demands none), or must not be there (No Code).
    """
    for rule in rules:
        rule_type, dimension = rule.posting_validation, rule.dimension_code
        value = pairs.get(dimension, "")
        if rule_type == PostingValidation.CODE_MANDATORY and not value:
            what = f"needs a value for dimension {dimension}"
        elif rule_type == PostingValidation.SAME_CODE and value != rule.value_code:
            wanted = f"the value {rule.value_code}" if rule.value_code else "no value"
            what = f"must have {wanted} for dimension {dimension}, not {value or 'a blank one'}"
        elif rule_type == PostingValidation.NO_CODE and value:
            what = f"must have no value for dimension {dimension}, not {value}"
        else:
            continue
        raise Refused(
            "Application_DialogException",
            f"{where[0].upper()}{where[1:]} {what}, because the default dimensions of {record} demand it.",
        )


def combinations_of(
    combinations: Iterable[DimensionCombination], of_values: Iterable[DimensionValueCombination]
) -> Combinations:
    """Return which dimensions and values do not go together."""
    limited: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in of_values:
        values = row.dimension_1_value_code, row.dimension_2_value_code
        limited.setdefault((row.dimension_1_code, row.dimension_2_code), set()).add(values)
        limited.setdefault((row.dimension_2_code, row.dimension_1_code), set()).add(values[::-1])
    found: dict[tuple[str, str], frozenset[tuple[str, str]] | None] = {}
    for combination in combinations:
        both = combination.dimension_1_code, combination.dimension_2_code
        blocked = combination.restriction == CombinationRestriction.BLOCKED
        found[both] = None if blocked else frozenset(limited.get(both, ()))
    return found


def check_usable(
    pairs: Pairs,
    dimensions: Mapping[str, Dimension],
    values: Mapping[tuple[str, str], DimensionValue],
    *,
    where: str,
    combinations: Combinations = ALL_GO_TOGETHER,
) -> None:
    """Refuse a set with a dimension or value that is blocked or gone, or with some that do not go together.

    Args:
        dimensions: by code; values: by (dimension code, value code).
        where: what carries the set, for the message.
    """
    for code, value_code in pairs.items():
        dimension, value = dimensions.get(code), values.get((code, value_code))
        if dimension is None or dimension.blocked:
            what = f"Dimension {code}"
            state = "does not exist" if dimension is None else "is blocked"
        elif value is None or value.blocked:
            what = f"Dimension value {code} {value_code}"
            state = "does not exist" if value is None else "is blocked"
        else:
            continue
        raise Refused("Application_DialogException", f"{what}, used on {where}, {state}. Choose another one.")
    for (one, other), forbidden in combinations.items():
        if one not in pairs or other not in pairs:
            continue
        if forbidden is None:
            what = f"Dimensions {one} and {other}"
        elif (pairs[one], pairs[other]) in forbidden:
            what = f"Dimension values {one} {pairs[one]} and {other} {pairs[other]}"
        else:
            continue
        raise Refused(
            "Application_DialogException",
            f"{what}, used on {where}, do not go together. Leave one of them out, or change the dimension "
            "combinations.",
        )
