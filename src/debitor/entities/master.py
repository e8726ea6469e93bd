"""Create, change and remove for master data, made from the declaration of the entity set; a plain set needs no code.

    SHIPMENT_METHODS = editable(
        EntitySet(name="shipmentMethods", ..., record=ShipmentMethod, properties=(...)),
        required=("code",),
        uses=(Use(Customer, "shipment_method_id", "customers"),),
    )

What follows from the declaration:

- a property whose source is a column is stored there;
- a property that shows a looked-up row (`currencyId` from `currency.id`, `currencyCode` from the column that the
  lookup `currency` starts at) names that row: given by id, by code or by both, it must exist, and both must agree.
  A blank one counts as not given beside the other, and clears the reference when it stands alone. A code that shows
  the local currency where the column is blank (`FirstOf`) takes the local currency's code for blank;
- the first unique column of the record is its code: it can be renamed as long as no `Use` holds it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from debitor.ledger.dates import normalise
from debitor.ledger.numbering import take
from debitor.ledger.records import NumberSeries, NumberSeriesLine
from debitor.operations.payments import setup_of
from debitor.schema import (
    Act,
    Action,
    Col,
    Context,
    Draft,
    EntitySet,
    FirstOf,
    Lookup,
    Navigation,
    NotingAct,
    Property,
    Refused,
    Row,
    record_of,
)

Prepare = Callable[[Act, Any, dict[str, Any]], None]
"""(act, stored row or None when it is new, columns about to be written): may refuse, change or add columns."""


BeforeRemove = Callable[[Act, Any], None]
"""(act, stored row about to be deleted): may refuse, or change rows that point to it."""


After = Callable[[Act, Any, Any], None]
"""(act, row before or None when it is new, row after): changes what follows from it."""


@dataclass(frozen=True, slots=True)
class Use:
    """Rows of `record` whose `column` holds this row's `by`: while there is one, the row is not removed, and `by`
    is not renamed. `what` names them in the message; `where` limits them.
    """

    record: type[Row]
    column: str
    what: str
    by: str = "id"
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows of `record` that repeat this row's code in `column` and point here with `of`: they follow a new code."""

    record: type[Row]
    column: str
    of: str
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of `record` that belong to this row (`column` holds its id) and go with it."""

    record: type[Row]
    column: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that points to a row of another record, and the properties that name this row.

    Args:
        column: ours; it holds the target's column `by`.
        given: (property, the target's column that its value is).
        paired: an id is among them, so that clients see the reference as an object rather than as a plain code.
        local: a property that takes the local currency's code for blank, or "".
    """

    column: str
    by: str
    target: type[Row]
    given: tuple[tuple[str, str], ...]
    paired: bool
    local: str

    @property
    def table(self) -> str:
        """The target in words."""
        return record_of(self.target).name.replace("_", " ")


def refuse(message: str) -> Refused:
    """The refusal of a business rule."""
    return Refused("Application_DialogException", message)


def missing(name: str) -> Refused:
    """The refusal of a required property that is not given, or blank."""
    return Refused("BadRequest_RequiredParamNotProvided", f"Field '{name}' must not be blank or empty.")


# --------------------------------------------------------------------------- reading the declaration


def _column_shown(of: Property) -> str:
    """The path of the column that a property shows and stores to, or ""."""
    source = of.source
    if isinstance(source, FirstOf) and isinstance(source.sources[0], Col):
        source = source.sources[0]
    return source.path if isinstance(source, Col) else source if isinstance(source, str) else ""


def _shows_local_currency(of: Property) -> bool:
    return isinstance(of.source, FirstOf) and Context("local_currency_code") in of.source.sources


def references_of(of: EntitySet) -> tuple[Reference, ...]:
    """The references that an entity set's editable properties name."""
    return tuple(_references(of))


def _references(of: EntitySet) -> Iterator[Reference]:
    for alias, lookup in of.lookups.items():
        given: list[tuple[str, str]] = []
        local = ""
        for p in of.properties:
            path = _column_shown(p)
            if not p.editable or not path:
                continue
            if path == lookup.via:
                given.append((p.name, lookup.by))
                local = p.name if _shows_local_currency(p) else local
            elif path.startswith(f"{alias}."):
                given.append((p.name, path.partition(".")[2]))
        if given:
            paired = any(column == "id" for _, column in given)
            yield Reference(lookup.via, lookup.by, lookup.record, tuple(given), paired, local)


def columns_of(of: EntitySet, references: Iterable[Reference]) -> dict[str, str]:
    """Property -> column, for the editable properties that no reference explains."""
    explained = {name for r in references for name, _ in r.given}
    shown = {p.name: _column_shown(p) for p in of.properties if p.editable and p.name not in explained}
    return {name: path for name, path in shown.items() if path and "." not in path}


# --------------------------------------------------------------------------- hooks


@dataclass(frozen=True, eq=False)
class Master:
    """The hooks of one entity set; see `editable`."""

    of: EntitySet
    row: type[Row]
    code: str
    columns: Mapping[str, str]
    references: tuple[Reference, ...]
    formulas: frozenset[str]
    required: tuple[str, ...]
    numbers: str
    uses: tuple[Use, ...]
    copies: tuple[Copy, ...]
    parts: tuple[Part, ...]
    prepare: Prepare | None
    before_remove: BeforeRemove | None
    after: After | None

    def create(self, act: NotingAct, draft: Draft) -> str:
        """Add a row. Returns its id. Raises Refused, and DuplicateKey when the code is taken."""
        given = self._with_parent(act, draft)
        for name in self.required:
            if not given.get(name):
                raise missing(name)
        columns = self._columns(act, given)
        if act.key:
            columns["id"] = act.key
        if self.numbers:
            columns[self.code] = self._number(act, columns.get(self.code, ""))
        if self.prepare:
            self.prepare(act, None, columns)
        added: Row = act.tx.insert(self.row(**columns))
        act.note(self.of.entity, self._code(added), None, added)
        if self.after:
            self.after(act, None, added)
        return added.id

    def change(self, act: NotingAct, id: str, draft: Draft) -> str:
        """Change what was sent. Returns the id."""
        row = self._row(act, id)
        for name in self.required:
            if name in draft and not draft[name]:
                raise missing(name)
        columns = self._columns(act, draft)
        if self.numbers and not columns.get(self.code, "given"):
            raise missing(next(name for name, column in self.columns.items() if column == self.code))
        if self.prepare:
            self.prepare(act, row, columns)
        new = {column: value for column, value in columns.items() if value != getattr(row, column)}
        if self.code in new:
            self._refuse_used(act, row, "renamed", [u for u in self.uses if u.by == self.code])
        changed: Row = act.tx.update(row, **new)
        act.note(self.of.entity, self._code(row), row, changed)
        if self.code in new:
            for copy in self.copies:
                act.tx.update_where(copy.record, {copy.column: new[self.code]}, **{copy.of: id}, **copy.where)
        if self.after:
            self.after(act, row, changed)
        return changed.id

    def remove(self, act: NotingAct, id: str) -> None:
        """Delete a row that nothing names, with its parts."""
        row = self._row(act, id)
        self._refuse_used(act, row, "deleted", self.uses)
        if self.before_remove:
            self.before_remove(act, row)
        for part in self.parts:
            act.tx.delete_where(part.record, **{part.column: id})
        act.tx.delete(row)
        act.note(self.of.entity, self._code(row), row, None)

    def _code(self, row: Row) -> str:
        return str(getattr(row, self.code)) if self.code else ""

    def _row(self, act: Act, id: str) -> Row:
        row: Row | None = act.tx.get(self.row, id)
        if row is None:
            raise Refused("BadRequest_ResourceNotFound", f"Resource not found for the segment '{self.of.name}'.")
        return row

    def _with_parent(self, act: Act, draft: Draft) -> Draft:
        """The draft with what the address fixes; a body that says something else is refused."""
        fixed = {name: value for name, value in act.parent.items() if name in self.of.by_name}
        for name, value in fixed.items():
            sent = draft.get(name)
            if sent not in (None, value, self.of.by_name[name].type.blank):
                raise refuse(f"The address says {name} {value}, the body says {sent}; leave {name} out of the body.")
        return {**draft, **fixed}

    def _columns(self, act: Act, draft: Draft) -> dict[str, Any]:
        columns = {self.columns[name]: value for name, value in draft.items() if name in self.columns}
        for name in self.formulas & draft.keys():
            columns[self.columns[name]] = normalise(draft[name])
        for reference in self.references:
            named = {name: draft[name] for name, _ in reference.given if name in draft}
            if named:
                columns[reference.column] = self._named(act, reference, named)
        return columns

    def _named(self, act: Act, reference: Reference, named: Mapping[str, Any]) -> Any:
        """What the reference's column becomes; Business Central's pages refuse the same way."""
        blank = record_of(self.row).by_name[reference.column].type.blank
        local = False
        found: dict[str, Row] = {}
        for name, column in reference.given:
            value = named.get(name)
            if value is None or value == self.of.by_name[name].type.blank:
                continue
            if name == reference.local and value == act.values["local_currency_code"]:
                local = True
                continue
            row = (
                act.tx.get(reference.target, value)
                if column == "id"
                else act.tx.find(reference.target, **{column: value})
            )
            if row is None and reference.paired:
                raise refuse(
                    f"{name} {value} does not name a {reference.table}; take it from the API, or leave it out."
                )
            if row is None:
                raise Refused(
                    "Internal_InvalidTableRelation",
                    f"The field {name} of {self.of.entity} contains a value ({value}) that cannot be found in the "
                    f"related table ({reference.table}).",
                )
            found[name] = row
        if len({row.id for row in found.values()} | ({""} if local else set())) > 1:
            what = ", ".join(f"{name} {value}" for name, value in named.items())
            raise refuse(f"{what} do not name the same {reference.table}; send one of them, or make them agree.")
        return next((getattr(row, reference.by) for row in found.values()), blank)

    def _number(self, act: Act, given: str) -> str:
        """The given number, if its series allows that, else the next one of the series."""
        series_code = getattr(setup_of(act.tx), self.numbers)
        series = act.tx.find(NumberSeries, code=series_code)
        if given:
            if series and not series.manual_numbers:
                raise refuse(
                    f"The {self.of.entity}'s number comes from number series {series_code}, which allows no number "
                    f"({given}) to be chosen; leave it out."
                )
            return given
        if series is None:
            raise missing(next(name for name, column in self.columns.items() if column == self.code))
        while True:
            number, (old, new) = take(series, act.tx.all(NumberSeriesLine, series_code=series_code), act.today)
            changes = {c: getattr(new, c) for c in ("last_number_used", "last_date_used", "open")}
            act.tx.update(old, **changes)
            if act.tx.find(self.row, **{self.code: number}) is None:
                return number

    def _refuse_used(self, act: Act, row: Row, what: str, uses: Iterable[Use]) -> None:
        for use in uses:
            if act.tx.find(use.record, **{use.column: getattr(row, use.by)}, **use.where):
                name = f"{self.of.entity} {getattr(row, self.code)}"
                raise refuse(f"The {name} cannot be {what}, because there are {use.what} with it.")


def editable(
    of: EntitySet,
    *,
    required: tuple[str, ...] = (),
    numbers: str = "",
    uses: tuple[Use, ...] = (),
    copies: tuple[Copy, ...] = (),
    parts: tuple[Part, ...] = (),
    prepare: Prepare | None = None,
    before_remove: BeforeRemove | None = None,
    after: After | None = None,
    only: str = "create change remove",
) -> EntitySet:
    """Return the entity set with hooks made from its declaration.

    Args:
        of: the declaration, with a record.
        required: properties that must not be blank.
        numbers: the field of ReceivablesSetup that names the number series for a code that is not given.
        uses, copies, parts: other rows that name this one; see the classes.
        prepare, before_remove, after: rules of this set.
        only: which hooks, in words.
    """
    assert of.record, f"{of.name} has no record"
    references = references_of(of)
    columns = columns_of(of, references)
    unique = record_of(of.record).unique
    master = Master(
        of=of,
        row=of.record,
        code=unique[0][0] if unique else "",
        columns=columns,
        references=references,
        formulas=frozenset(p.name for p in of.properties if p.type.kind == "formula" and p.name in columns),
        required=required,
        numbers=numbers,
        uses=uses,
        copies=copies,
        parts=parts,
        prepare=prepare,
        before_remove=before_remove,
        after=after,
    )
    hooks: dict[str, Any] = {name: getattr(master, name) for name in only.split()}
    return dataclasses.replace(of, **hooks)


def extended(
    of: EntitySet,
    *,
    properties: tuple[Property, ...] = (),
    lookups: Mapping[str, Lookup] | None = None,
    navigations: tuple[Navigation, ...] = (),
    actions: tuple[Action, ...] = (),
    prepare: Prepare | None = None,
    **more: Any,
) -> EntitySet:
    """Return an entity set with more than another one has: for another API over the same rows.

    Args:
        of: the other; hooks that `editable` made are made anew, so that they take the new properties too.
        properties: stand behind those that it has, before `lastModifiedDateTime`. lookups, navigations, actions: too.
        prepare: a rule that follows the other's own.
        more: fields of EntitySet that are different.
    """
    last = tuple(p for p in of.properties if p.name == "lastModifiedDateTime")
    made = dataclasses.replace(
        of,
        properties=(*(p for p in of.properties if p not in last), *properties, *last),
        lookups={**of.lookups, **(lookups or {})},
        navigations=(*of.navigations, *navigations),
        actions=(*of.actions, *actions),
        by_name={},
        **more,
    )
    hooks = {name: getattr(getattr(of, name), "__self__", None) for name in ("create", "change", "remove")}
    old = next((each for each in hooks.values() if isinstance(each, Master)), None)
    if old is None:
        return made
    references = references_of(made)
    columns = columns_of(made, references)
    master = dataclasses.replace(
        old,
        of=made,
        columns=columns,
        references=references,
        formulas=frozenset(p.name for p in made.properties if p.type.kind == "formula" and p.name in columns),
        prepare=_both(old.prepare, prepare),
    )
    return dataclasses.replace(made, **{name: getattr(master, name) for name, each in hooks.items() if each is old})


def _both(first: Prepare | None, second: Prepare | None) -> Prepare | None:
    if first is None or second is None:
        return first or second

    def prepare(act: Act, row: Any, columns: dict[str, Any]) -> None:
        first(act, row, columns)
        second(act, row, columns)

    return prepare


def between(columns: Mapping[str, Any], column: str, name: str, low: int, high: int) -> None:
    """Refuse a number outside a range."""
    if not low <= columns.get(column, low) <= high:
        raise refuse(f"{name} must lie between {low} and {high}, but is {columns[column]}.")
