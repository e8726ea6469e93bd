"""What actions take and give: parameters of a body -> typed values, typed values -> the JSON of an answer.

{"entries": [{"number": 7, "amount": 5.5}]}  ->  {"entries": [{"number": 7, "amount": Decimal("5.5")}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from debitor.odata.payload import Convert, blank_of, reader_of, shown, wire_value
from debitor.schema import Draft, Items, Property, Refused, Structure

_Reader = tuple[Convert, Any]
"""What reads a value, and what null means."""


class ParameterReader:
    """Reads the parameters of one action, or the members of one of its structures.

    Args:
        what: the action or member, as messages name it.
        members: what may be sent.
    """

    def __init__(self, what: str, members: Iterable[Property | Items]) -> None:
        self._what = what
        self._values: dict[str, _Reader] = {}
        self._lists: dict[str, ParameterReader] = {}
        self._required: list[str] = []
        for member in members:
            if isinstance(member, Items):
                self._lists[member.name] = ParameterReader(member.name, member.of.members)
            else:
                self._values[member.name] = reader_of(member), blank_of(member)
            if not member.nullable:
                self._required.append(member.name)

    def read(self, sent: Mapping[str, Any]) -> Draft:
        """Return the typed values of what was sent.

        Raises:
            Refused: an unknown or missing parameter, or a value of another type.
        """
        made: Draft = {}
        for name, value in sent.items():
            if "@" in name:
                continue
            if name in self._lists:
                made[name] = self._list(name, value)
            elif name in self._values:
                read, blank = self._values[name]
                made[name] = blank if value is None and blank is not None else read(value)
            else:
                known = ", ".join((*self._values, *self._lists))
                raise Refused("BadRequest", f"{self._what} takes no '{shown(name)}'. It takes: {known}.")
        for name in self._required:
            if name not in made:
                raise Refused("BadRequest_RequiredParamNotProvided", f"{self._what} needs the parameter '{name}'.")
        return made

    def _list(self, name: str, value: Any) -> list[Draft]:
        if value is None:
            return []
        if type(value) is not list or not all(type(item) is dict for item in value):
            raise Refused("BadRequest", f"The value of '{name}' must be a JSON array of objects.")
        return [self._lists[name].read(item) for item in value]


def told_of(structure: Structure, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON members of a structure, in its order."""
    return {
        member.name: [told_of(member.of, item) for item in values[member.name]]
        if isinstance(member, Items)
        else wire_value(values[member.name])
        for member in structure.members
    }


def structures_of(members: Iterable[Property | Items]) -> Iterable[Structure]:
    """Yield the structures below parameters or members, each before those that hold it."""
    for member in members:
        if isinstance(member, Items):
            yield from structures_of(member.of.members)
            yield member.of
