"""`entityDefinitions`: names of entities, properties, actions and enum members, for programs that show them.

    GET entityDefinitions('customerPayment')
    {"entityName": "customerPayment", "entitySetName": "customerPayments", "entityCaptions": [{"languageCode": 1033,
     "caption": "Customer Payment"}], ..., "properties": [{"name": "postingDate", "captions": [...]}], ...}

Captions are the names in words, in English (1033). An enum type has a definition of its own, with its members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from debitor.odata.errors import not_found
from debitor.schema import EntitySet, Refused, WireEnum

NAME = "entityDefinitions"
ENGLISH = 1033
"""The language code of Windows that Business Central uses for English."""

_FILTER = re.compile(r"\s*(entityName|entitySetName)\s+eq\s+'([^']*)'\s*").fullmatch
_KEY = re.compile(r"\(\s*(?:entityName\s*=\s*)?'([^']*)'\s*\)").fullmatch
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+").findall


class Definitions:
    """The definitions of a catalog, made once.

    Args:
        catalog: the entity sets by name; outlines have no definition.
        strict: leave out actions that Business Central does not have.
    """

    def __init__(self, catalog: Mapping[str, EntitySet], *, strict: bool) -> None:
        sets = [of for of in catalog.values() if not of.outline]
        enums = {p.type.enum for of in sets for p in of.properties if p.type.enum is not None and not p.hidden}
        self._all = [_of_set(of, strict) for of in sets]
        self._all += [_of_enum(members) for members in sorted(enums, key=lambda e: e.__edm__)]
        self._by_name = {each["entityName"]: each for each in self._all}

    def answer(self, root: str, key: str, query: str) -> bytes:
        """Return the JSON of the list, or of one definition.

        Args:
            root: the API root, for the context.
            key: what follows the name in the address: nothing, or `('customer')`.
            query: the query string; `$filter` by one of the two names is all that it may hold.

        Raises:
            Refused: 404 for a name that is none, 400 for another option.
        """
        context = f"{root}/$metadata#{NAME}"
        if key:
            named = _KEY(key)
            found = self._by_name.get(named[1]) if named else None
            if found is None:
                raise not_found(NAME)
            return msgspec.json.encode({"@odata.context": f"{context}/$entity", **found})
        return msgspec.json.encode({"@odata.context": context, "value": self._filtered(query)})

    def _filtered(self, query: str) -> list[dict[str, Any]]:
        found = self._all
        for option in filter(None, query.split("&")):
            name, _, value = (unquote_plus(part) for part in option.partition("="))
            if not name.startswith("$") or name == "$schemaversion":
                continue
            wanted = _FILTER(value) if name == "$filter" else None
            if wanted is None:
                raise Refused(
                    "BadRequest",
                    f"{NAME} takes no {name[:50]} but $filter=entityName eq '...' or entitySetName eq '...'.",
                )
            found = [each for each in found if each[wanted[1]] == wanted[2]]
        return found


def caption_of(name: str) -> str:
    """Return a name in words: `customerPurchaseOrderReference` -> `Customer Purchase Order Reference`."""
    return " ".join(word[:1].upper() + word[1:] for word in _WORDS(name))


def _captions(text: str) -> list[dict[str, Any]]:
    return [{"languageCode": ENGLISH, "caption": text}]


def _named(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"name": name, "captions": _captions(caption_of(name))} for name in names]


def _of_set(of: EntitySet, strict: bool) -> dict[str, Any]:
    return {
        "entityName": of.entity,
        "entitySetName": of.name,
        "entityCaptions": _captions(caption_of(of.entity)),
        "entitySetCaptions": _captions(caption_of(of.name)),
        "properties": _named(p.name for p in of.properties if not p.hidden),
        "actions": _named(a.name for a in of.actions if a.strict or not strict),
        "enumMembers": [],
    }


def _of_enum(members: type[WireEnum]) -> dict[str, Any]:
    return {
        "entityName": members.__edm__,
        "entitySetName": "",
        "entityCaptions": _captions(caption_of(members.__edm__)),
        "entitySetCaptions": [],
        "properties": [],
        "actions": [],
        "enumMembers": [{"name": m.value, "value": m.ordinal, "captions": _captions(m.label)} for m in members],
    }
