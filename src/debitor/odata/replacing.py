"""PUT in documented mode: what the body leaves out goes to its default (OData 4.0, part 1, section 11.4.3).

    PUT customers({id})  {"displayName": "Adatum"}
    -> PATCH with addressLine1 "", creditLimit 0, paymentTermsId 0000..., and then displayName "Adatum"

Keys, mandatory properties, properties that clients cannot write, the pointer to the parent and what the client names
by another property (`currencyCode` beside `currencyId`) keep their values. So do dates, and enums without a blank
member: they have no empty value that a document could do with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from debitor.odata.payload import blank_of
from debitor.schema import Col, Draft, EntitySet, FirstOf, Property, record_of

_ENDINGS = ("DisplayName", "Number", "Code", "Name", "Id")


class Defaults:
    """What PUT gives the properties of one entity set that a body leaves out.

    Args:
        of: the entity set; its rows are stored, not computed.
        catalog: all entity sets, which tell the pointers to parents.
    """

    def __init__(self, of: EntitySet, catalog: Mapping[str, EntitySet]) -> None:
        assert of.record is not None, of.name
        kept = record_of(of.record)
        fixed = {column for columns in kept.unique for column in columns}
        parents = {
            theirs
            for parent in catalog.values()
            for way in parent.navigations
            if way.kind == "part" and way.target == of.name
            for theirs in (*(theirs for _, theirs in way.on), *way.constant)
        }
        fixed |= {_column(known) for known in of.properties if known.name in parents}
        self._values: dict[str, Any] = {}
        self._marks: dict[str, frozenset[str]] = {}
        for known in of.properties:
            column = _column(known)
            marks = self._marks[known.name] = _marks_of(of, known, column)
            writable = known.editable and known.nullable and not known.filter_only and known.type.kind != "stream"
            blank = blank_of(known)
            if not writable or known.hidden or marks & fixed or blank is None or known.type.kind == "date":
                continue
            stored = kept.by_name.get(column)
            self._values[known.name] = blank if stored is None else stored.default

    def completed(self, draft: Draft) -> Draft:
        """Return the draft after the defaults of everything that it does not say."""
        said: set[str] = set()
        for name in draft:
            said |= self._marks[name]
        made: Draft = {}
        for name, value in self._values.items():
            if name not in draft and not self._marks[name] & said:
                made[name] = value
                said |= self._marks[name]
        return {**made, **draft}


def _column(of: Property) -> str:
    source = of.source
    if isinstance(source, FirstOf) and isinstance(source.sources[0], Col):
        source = source.sources[0]
    return source.path if isinstance(source, Col) else source if isinstance(source, str) else ""


def _marks_of(of: EntitySet, known: Property, column: str) -> frozenset[str]:
    """Return what two properties that say the same have in common: a pointer's column, or the stem of their names."""
    alias, dot, _ = column.partition(".")
    marks = {of.lookups[alias].via if dot else column}
    for ending in _ENDINGS:
        stem = known.name.removesuffix(ending)
        if stem and stem != known.name:
            marks.add(f"{stem}…")
            break
    return frozenset(marks)
