"""A `query.Query` -> one SELECT, and how its slots are filled. Made once per query, run often.

    customerPayments, filter `customerNumber eq ? and amount lt ?`, by id, 20 rows ->
    SELECT t."version", t."id", COALESCE(c1."number", ''), t."amount" ...
    FROM "journal_line" AS t LEFT JOIN "customer" AS c1 ON c1."company" = ?1 AND c1."id" = t."account_id"
    WHERE t."company" = ?1 AND (c1."number" = ?2 AND t."amount" < ?3) ORDER BY t."id" LIMIT ?4

A pointer that leads nowhere gives NULL in SQL and the type's blank everywhere else, so a joined column is wrapped in
COALESCE, except where that changes nothing: `x = ?` that must hold, with a value that is not blank. The bare form
lets SQLite start from the joined table's index.

Decimals are integers scaled by 10**5 inside SQL; how literals meet them: slots.py. What the databases say in
different words: dialect.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from debitor import schema
from debitor.query import Among, Arithmetic, Call, Compare, Field, In, Logic, Node, Not, Null, Param, Query
from debitor.schema import (
    SCALE,
    Col,
    Constant,
    EntitySet,
    FirstOf,
    Lookup,
    Record,
    Source,
    Sum,
    Told,
    Type,
    record_of,
)
from debitor.store.dialect import Dialect
from debitor.store.rows import FORMS, Form, compiled, encode, literal, wire_decimal, wire_factor

_OPERATORS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_FLIPPED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


class Expression(NamedTuple):
    """A piece of SQL. `blank` is the SQL of the typed empty value when the piece can be NULL, else ''."""

    sql: str
    form: Form
    blank: str = ""

    @property
    def solid(self) -> str:
        """The SQL, never NULL."""
        return f"COALESCE({self.sql}, {self.blank})" if self.blank else self.sql


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled query.

    Attributes:
        sql: the text, with numbered slots.
        bind: (company, params, context, now) -> values of the slots.
        convert: rows of SQL -> rows of the wire; None when they are the same.
    """

    sql: str
    bind: Callable[[int, Sequence[Any], Mapping[str, Any], str], tuple[Any, ...]]
    convert: Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]] | None


def compile_query(query: Query, dialect: Dialect) -> Statement:
    """Return the statement of a query, from its own cache after the first time."""
    made: Statement | None = query.compiled.get(dialect.name)
    if made is None:
        made = query.compiled[dialect.name] = _Compiler(query.of, dialect).statement(query)
    return made


_PARTS = {
    "year": (1, 4),
    "month": (6, 2),
    "day": (9, 2),
    "hour": (12, 2),
    "minute": (15, 2),
    "second": (18, 2),
}
_CUTS = {"date": (1, 10), "time": (12, 12)}
_TEXT_FUNCTIONS = {"tolower": "text_lower", "toupper": "text_upper", "trim": "text_trim"}
_ROUNDING = {"round": "decimal_round", "floor": "decimal_floor", "ceiling": "decimal_ceiling"}
_MOMENTS = {"mindatetime": "'0001-01-01T00:00:00.000Z'", "maxdatetime": "'9999-12-31T23:59:59.999Z'"}
_CONDITIONS = ("contains", "startswith", "endswith")


# --------------------------------------------------------------------------- the compiler


class _Compiler:
    def __init__(self, of: EntitySet, dialect: Dialect) -> None:
        assert of.record is not None, f"{of.name} is computed, not stored"
        self.of, self.dialect = of, dialect
        self.record = record_of(of.record)
        self.joins: dict[str, tuple[str, Record]] = {}
        self.joined: list[str] = []
        self.slots: dict[str, int] = {}
        self.sums = 0

    def statement(self, query: Query) -> Statement:
        outputs = [] if query.count else [self.property(p.name, p) for p in query.columns]
        conditions = [f't."company" = {self.company}'] if self.record.by_company else []
        conditions += [self.fixed(path, value) for path, value in self.of.where.items()]
        if query.where is not None:
            conditions.append(self.condition(query.where, spine=True))
        terms = []
        for term in query.order:
            if isinstance(self.of.by_name[term.name].source, Constant):
                continue  # it orders nothing, and SQL would take a bare number for the position of a column
            by = self.property(term.name)
            value = self.dialect.factor(by.solid) if by.form == "factor" else by.solid
            terms.append(value + (" DESC" if term.descending else ""))

        shown = [e.solid for e in outputs]
        if query.count:
            shown = ["count(*)"]
        elif query.version:
            shown.insert(0, 't."version"')
        parts = [f'SELECT {", ".join(shown) or "1"} FROM "{self.record.name}" AS t', *self.joined]  # noqa: S608
        if query.each is not None:
            key = self.property(query.each.name).solid
            number = f"row_number() OVER (PARTITION BY {key} ORDER BY {', '.join(terms)})"
            shown = [f"{told} AS c{i}" for i, told in enumerate(shown)]
            parts[0] = f'SELECT {", ".join([*shown, f"{number} AS n"])} FROM "{self.record.name}" AS t'  # noqa: S608
        if conditions:
            parts.append("WHERE " + " AND ".join(conditions))
        if query.each is not None:
            return self.each(query, " ".join(parts), len(shown), outputs)
        if terms and not query.count:
            parts.append("ORDER BY " + ", ".join(terms))
        if query.limit is not None:
            parts.append(f"LIMIT {self.slot(f'p[{query.limit.index}]')}")
        elif query.offset is not None:
            parts.append(f"LIMIT {self.dialect.no_limit}")
        if query.offset is not None:
            parts.append(f"OFFSET {self.slot(f'p[{query.offset.index}]')}")
        bind = compiled(f"lambda company, p, c, now: ({''.join(f'{s}, ' for s in self.slots)})", self.dialect.slots)
        return Statement(" ".join(parts), bind, _conversion(query, outputs))

    def each(self, query: Query, numbered: str, columns: int, outputs: list[Expression]) -> Statement:
        """Return the statement that keeps, of numbered rows, a page of every partition, in their order."""
        assert query.limit is not None or query.offset is not None, "a query without a page needs no partitions"
        bounds = []
        first = "0" if query.offset is None else self.slot(f"p[{query.offset.index}]")
        if query.offset is not None:
            bounds.append(f"n > {first}")
        if query.limit is not None:
            bounds.append(f"n <= {first} + {self.slot(f'p[{query.limit.index}]')}")
        names = ", ".join(f"c{i}" for i in range(columns))
        sql = f"SELECT {names} FROM ({numbered}) AS numbered WHERE {' AND '.join(bounds)} ORDER BY n"  # noqa: S608
        bind = compiled(f"lambda company, p, c, now: ({''.join(f'{s}, ' for s in self.slots)})", self.dialect.slots)
        return Statement(sql, bind, _conversion(query, outputs))

    # ----------------------------------------------------------------- slots, columns, sources

    def slot(self, source: str) -> str:
        """Return the numbered placeholder of a value, given as Python source."""
        return f"?{self.slots.setdefault(source, len(self.slots) + 1)}"

    @property
    def company(self) -> str:
        return self.slot("company")

    def column(self, path: str, type: Type | None = None) -> Expression:
        alias, dot, name = path.rpartition(".")
        if not dot:
            return Expression(f't."{name}"', FORMS[self.record.by_name[name].type.kind])
        table, record = self.join(alias)
        kept = record.by_name[name]
        form = FORMS[kept.type.kind]
        # The property's own blank counts where both are texts: a code that is shown as an enum.
        empty = type if type is not None and FORMS[type.kind] == form else kept.type
        return Expression(f'{table}."{name}"', form, literal(_kept(empty, empty.blank)))

    def join(self, alias: str) -> tuple[str, Record]:
        if alias not in self.joins:
            lookup: Lookup = self.of.lookups[alias]
            record = record_of(lookup.record)
            via = self.column(lookup.via).sql
            table = f"j{len(self.joins) + 1}"
            company = f'{table}."company" = {self.company} AND ' if record.by_company else ""
            self.joined.append(f'LEFT JOIN "{record.name}" AS {table} ON {company}{table}."{lookup.by}" = {via}')
            self.joins[alias] = (table, record)
        return self.joins[alias]

    def property(self, name: str, shown: schema.Property | None = None) -> Expression:
        found = shown if shown is not None else self.of.by_name[name]
        assert found.source is not None, f"{self.of.name}.{name} has no source to read"
        return self.source(found.source, found.type)

    def source(self, source: str | Source, type: Type) -> Expression:
        match source:
            case str():
                return self.column(source, type)
            case Col():
                return self.column(source.path, type)
            case schema.Context():
                return Expression(self.slot(_context(source.name, type.kind)), FORMS[type.kind])
            case Constant():
                return Expression(literal(_kept(type, source.value)), FORMS[type.kind])
            case FirstOf():
                return self.first_of(source, type)
            case Sum():
                return self.sum(source)
            case Told():
                raise AssertionError(f"{self.of.name}: what is told of rows is not read with them")

    def first_of(self, source: FirstOf, type: Type) -> Expression:
        parts = [self.source(s, type) for s in source.sources]
        form = parts[0].form
        assert all(p.form == form for p in parts), f"{self.of.name}: sources of different forms in {source}"
        blank = literal(_kept(type, type.blank))
        tried = [f"NULLIF({p.sql}, {blank})" for p in parts]
        return Expression(f"COALESCE({', '.join(tried)}, {blank})", form)

    def sum(self, source: Sum) -> Expression:
        record = record_of(source.record)
        self.sums += 1
        s = f"s{self.sums}"
        conditions = [f'{s}."company" = {self.company}'] if record.by_company else []
        for theirs, value in source.where.items():
            kept = record.by_name[theirs]
            conditions.append(self.equals(Expression(f'{s}."{theirs}"', FORMS[kept.type.kind]), kept.type, value))
        if source.before is not None:
            theirs, name = source.before
            kind = record.by_name[theirs].type.kind
            conditions.append(f'{s}."{theirs}" < {self.slot(_context(name, kind))}')
        assert record.by_name[source.column].type.kind == "decimal", f"{source.column} is not a decimal column"
        same = [f'{s}."{theirs}" = {self.column(ours).sql}' for theirs, ours in source.on.items()]
        amounts = self.dialect.sum(f'{s}."{source.column}"')
        total = f"SELECT COALESCE({amounts}, 0) FROM"
        rows = f'"{record.name}" AS {s} WHERE'
        plain = f"({total} {rows} {' AND '.join([*conditions, *same]) or self.dialect.true})"
        if source.totaling is None:
            return Expression(plain, "decimal")
        theirs, ours = source.totaling
        filtered = self.column(ours).solid
        # CROSS JOIN: the few ranges lead, and each is one stretch of an index.
        named, low, high = self.dialect.ranges(filtered)
        conditions.append(f'{s}."{theirs}" BETWEEN {low} AND {high}')
        ranges = f"({total} {named} CROSS JOIN {rows} {' AND '.join(conditions)})"
        return Expression(f"CASE WHEN {filtered} = '' THEN {plain} ELSE {ranges} END", "decimal")

    def fixed(self, path: str, value: Any) -> str:
        alias, dot, name = path.rpartition(".")
        kept = (self.join(alias)[1] if dot else self.record).by_name[name]
        return self.equals(self.column(path), kept.type, value)

    def equals(self, column: Expression, type: Type, value: Any) -> str:
        """Return the SQL of a declared condition: a constant, one of several, or a value of the request."""
        if isinstance(value, schema.Context):
            return f"{column.solid} = {self.slot(_context(value.name, type.kind))}"
        if isinstance(value, tuple):
            return f"{column.solid} IN ({', '.join(literal(_kept(type, v)) for v in value)})"
        encoded = literal(_kept(type, value))
        return f"{column.solid if encoded == column.blank else column.sql} = {encoded}"

    # ----------------------------------------------------------------- conditions

    def condition(self, node: Node, spine: bool = False) -> str:
        """Return SQL that is true or false.

        `spine` says that the condition must hold for the row to be returned (it is reached through and/or only):
        there NULL serves as false. Under `not` it would not.
        """
        match node:
            case Logic():
                parts = [self.condition(item, spine) for item in node.items]
                return _balanced(parts, f" {node.op.upper()} ") if parts else self.truth(node.op == "and")
            case Not():
                return f"(NOT {self.condition(node.item)})"
            case Compare():
                return f"({self.compare(node, spine)})"
            case In():
                return f"({self.among_items(node, spine)})"
            case Among():
                return f"({self.among_values(node, spine)})"
            case Call(name=name) if name in _CONDITIONS:
                return f"({self.search(node, spine)})"
            case _:
                return self.dialect.condition(self.expression(node, "bool").solid)

    def truth(self, value: bool) -> str:
        return self.dialect.true if value else self.dialect.false

    def compare(self, node: Compare, spine: bool) -> str:
        op, left, right = node.op, node.left, node.right
        if isinstance(left, Null) or isinstance(right, Null):
            same = isinstance(left, Null) and isinstance(right, Null)
            return self.truth(same if op in ("eq", "le", "ge") else op == "ne" and not same)
        if isinstance(left, Param) and not isinstance(right, Param):
            op, left, right = _FLIPPED[op], right, left  # type: ignore[assignment]
        if isinstance(left, Param) and isinstance(right, Param) and _form(left) in ("decimal", "int", "factor"):
            # Two literals: as texts, because neither gives the other a scale.
            x, y = (self.slot(f"plain(p[{i.index}])") for i in (left, right))
            return f"{self.dialect.factor(x)} {_OPERATORS[op]} {self.dialect.factor(y)}"
        if isinstance(right, Param):
            e = self.expression(left, _form(right))
            bare = spine and op == "eq" and not right.blank
            return self.against(e.sql if bare else e.solid, e.form, op, right)
        a, b = self.expression(left), self.expression(right)
        if "factor" in (a.form, b.form) and a.form == b.form:
            return f"{self.dialect.factor(a.solid)} {_OPERATORS[op]} {self.dialect.factor(b.solid)}"
        a, b = self.alike(a, b)
        return f"{a.solid} {_OPERATORS[op]} {b.solid}"

    def against(self, sql: str, form: Form, op: str, param: Param) -> str:
        """Return the comparison of SQL with a value of the request."""
        value = self.value(form, op, param)
        if form == "factor":
            sql, value = self.dialect.factor(sql), self.dialect.factor(value)
        return f"{sql} {_OPERATORS[op]} {value}"

    def value(self, form: Form, op: str, param: Param) -> str:
        """Return the slot of a value of the request that is compared with something of this form."""
        value = f"p[{param.index}]"
        if form in ("decimal", "int"):
            side = {
                "eq": "exactly",
                "ne": "exactly",
                "lt": "above",
                "ge": "above",
                "le": "below",
                "gt": "below",
            }[op]
            value = f"{side}({value}, {SCALE if form == 'decimal' else 0})"
        elif form == "factor":
            value = f"plain({value})"
        elif param.type.kind == "date":
            value = f"iso({value})"
        return self.slot(value)

    def among_items(self, node: In, spine: bool) -> str:
        params = [i for i in node.items if isinstance(i, Param)]
        e = self.expression(node.left, _form(params[0]) if params else None)
        alone = isinstance(node.left, Param) or e.form == "factor"
        if alone or len(params) < len([i for i in node.items if not isinstance(i, Null)]):
            return _balanced([f"({self.compare(Compare('eq', node.left, i), False)})" for i in node.items], " OR ")
        if not params:
            return self.dialect.false
        sql = e.sql if spine and not any(i.blank for i in params) else e.solid
        return f"{sql} IN ({', '.join(self.value(e.form, 'eq', i) for i in params)})"

    def among_values(self, node: Among, spine: bool) -> str:
        # The list is not known here; on the spine it is taken to hold no blank, as keys to expand do not.
        e = self.expression(node.left)
        value = f"p[{node.values.index}]"
        kind = node.values.type.kind
        assert e.form != "factor", "a list of factors is never looked up"
        source = {"decimal": f"exact_decimals({value})"}.get(e.form, f"listed({value})")
        if kind == "date":
            source = f"listed({value}, iso)"
        return self.dialect.among(e.sql if spine else e.solid, self.slot(source), e.form)

    def search(self, node: Call, spine: bool) -> str:
        where, what = node.args
        if node.name == "startswith" and isinstance(where, Field) and isinstance(what, Param):
            # A range, so that an index can serve it.
            e = self.expression(where)
            assert e.form == "text", f"startswith on {where.name}, which is no text"
            sql = e.sql if spine and not what.blank else e.solid
            value = f"p[{what.index}]"
            return f"{sql} >= {self.slot(value)} AND {sql} < {self.slot(f'after({value})')}"
        x, y = self.text(where), self.text(what)
        if node.name == "contains":
            return f"{self.dialect.function('position', x, y)} >= 0"
        if node.name == "startswith":
            return f"substr({x}, 1, length({y})) = {y}"
        return self.dialect.function("ends", x, y)

    # ----------------------------------------------------------------- expressions

    def expression(self, node: Node, form: Form | None = None) -> Expression:
        """Return the SQL of a value. `form` is what its neighbour has: a lone Param takes it."""
        match node:
            case Field():
                return self.property(node.name)
            case Param():
                return self.param(node)
            case Arithmetic():
                return self.arithmetic(node)
            case Call(name=name) if name not in _CONDITIONS:
                return self.call(node)
            case Null():
                return Expression("NULL", form or "text")
            case _:
                return Expression(self.dialect.flag(self.condition(node)), "bool")

    def param(self, node: Param) -> Expression:
        value = f"p[{node.index}]"
        form = _form(node)
        if form == "factor":
            return Expression(self.slot(f"plain({value})"), "factor")
        if form in ("decimal", "int"):
            return Expression(self.slot(f"nearest({value}, {SCALE if form == 'decimal' else 0})"), form)
        return Expression(self.slot(f"iso({value})" if node.type.kind == "date" else value), form)

    def text(self, node: Node) -> str:
        e = self.expression(node, "text")
        return e.solid if e.form == "text" else self.dialect.function("shown", self.scaled(e))

    def integer(self, node: Node) -> str:
        e = self.expression(node, "int")
        return e.solid if e.form in ("int", "bool") else self.dialect.function("whole", self.scaled(e))

    def scaled(self, e: Expression) -> str:
        """Return the SQL of a number as a scaled integer."""
        if e.form == "decimal":
            return e.solid
        return f"factor_scaled({e.solid})" if e.form == "factor" else self.dialect.scaled(e.solid)

    def alike(self, a: Expression, b: Expression) -> tuple[Expression, Expression]:
        if a.form == b.form or "text" in (a.form, b.form):
            return a, b
        return Expression(self.scaled(a), "decimal"), Expression(self.scaled(b), "decimal")

    def arithmetic(self, node: Arithmetic) -> Expression:
        a, b = self.expression(node.left), self.expression(node.right)
        if a.form == b.form == "int":
            return Expression(self.dialect.arithmetic(node.op, a.solid, b.solid, whole=True), "int")
        return Expression(self.dialect.arithmetic(node.op, self.scaled(a), self.scaled(b), whole=False), "decimal")

    def call(self, node: Call) -> Expression:
        name, args = node.name, node.args
        if name in _MOMENTS:
            return Expression(_MOMENTS[name], "text")
        if name == "now":
            return Expression(self.slot("now"), "text")
        if name in _ROUNDING:
            e = self.expression(args[0])
            return e if e.form == "int" else Expression(f"{_ROUNDING[name]}({self.scaled(e)})", "decimal")
        x = self.text(args[0])
        if name in _TEXT_FUNCTIONS:
            return Expression(f"{_TEXT_FUNCTIONS[name]}({x})", "text")
        if name in _PARTS:
            start, size = _PARTS[name]
            return Expression(self.dialect.function("number", f"substr({x}, {start}, {size})"), "int")
        if name in _CUTS:
            start, size = _CUTS[name]
            return Expression(f"substr({x}, {start}, {size})", "text")
        match name:
            case "length":
                return Expression(f"length({x})", "int")
            case "indexof":
                return Expression(self.dialect.function("position", x, self.text(args[1])), "int")
            case "substring":
                cut = [x, *map(self.integer, args[1:])]
                return Expression(self.dialect.function("part" if len(cut) > 2 else "rest", *cut), "text")
            case "concat":
                return Expression(f"({x} || {self.text(args[1])})", "text")
            case "replace":
                return Expression(f"replace({x}, {self.text(args[1])}, {self.text(args[2])})", "text")
        raise AssertionError(f"no SQL for the function {name}")


def _form(param: Param) -> Form:
    return FORMS[param.type.kind]


def _kept(type: Type, value: Any) -> Any:
    return encode(schema.Column("", type, value), value)


def _context(name: str, kind: str) -> str:
    """Return the slot of a value that the request carries."""
    value = f"c[{name!r}]"
    return {
        "decimal": f"exactly({value}, {SCALE})",
        "factor": f"plain({value})",
        "date": f"iso({value})",
    }.get(kind, value)


def _balanced(parts: list[str], operator: str) -> str:
    """Join conditions; long lists as a balanced tree, because SQLite limits the depth of an expression."""
    if len(parts) <= 8:
        return f"({operator.join(parts)})"
    half = len(parts) // 2
    return f"({_balanced(parts[:half], operator)}{operator}{_balanced(parts[half:], operator)})"


def _conversion(
    query: Query, outputs: list[Expression]
) -> Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]] | None:
    """Return what turns rows of SQL into rows of the wire, or None; columns without a change cost nothing."""
    lead = ["v"] if query.version else []
    shown = []
    for i, (column, e) in enumerate(zip(query.columns, outputs, strict=False)):
        kind = "bool" if column.type.kind == "bool" else e.form
        shown.append(
            {"decimal": f"decimal(a{i})", "factor": f"factor(a{i})", "bool": f"a{i} != 0"}.get(kind, f"a{i}")
        )
    if query.count or all(s.startswith("a") and " " not in s for s in shown):
        return None
    taken = ", ".join([*lead, *(f"a{i}" for i in range(len(shown)))])
    names = {"decimal": wire_decimal, "factor": wire_factor}
    return compiled(  # type: ignore[no-any-return]
        f"lambda rows: [({', '.join([*lead, *shown])},) for {taken}, in rows]", names
    )
