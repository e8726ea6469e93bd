"""What differs in the SQL of the two databases, so that the texts themselves are written once.

Both understand `?` and `?1` as slots: the connection to PostgreSQL writes them as `$1` when it prepares a statement.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from debitor.schema import FACTOR
from debitor.store import slots
from debitor.store.rows import Codec, Form

_WHOLE = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}
_EXACT_FUNCTIONS = {"mul": "decimal_multiply", "div": "decimal_divide"}


class Dialect(ABC):
    """One database's way to say things.

    Attributes:
        name: under which a query keeps its statement.
        no_limit: what LIMIT takes for "all rows".
        true, false: conditions.
        from_few: the join that begins with its left side.
        slots: what the source of a slot may use (see debitor.store.slots).
        types: form -> type of a column.
        latest: the version up to which everything is seen; its value: the company, when `by_company`.
        forgotten: the version up to which deletions may have been forgotten; its value as for `latest`.
        forgotten_now: notes that version; its values: the company when `by_company`, the version.
        by_company: versions are counted in each company; otherwise once for the whole store.
        shapes: statements made so far (see debitor.store.session).
    """

    name: ClassVar[str]
    no_limit: ClassVar[str]
    true: ClassVar[str]
    false: ClassVar[str]
    from_few: ClassVar[str]
    slots: ClassVar[dict[str, Any]]
    types: ClassVar[Mapping[Form, str]]
    latest: ClassVar[str]
    forgotten: ClassVar[str]
    forgotten_now: ClassVar[str]
    by_company: ClassVar[bool]

    def __init__(self) -> None:
        self.shapes: dict[tuple[Any, ...], Any] = {}

    @abstractmethod
    def among(self, column: str, slot: str, form: Form) -> str:
        """Return the condition that a column equals one of the list in a slot."""

    @abstractmethod
    def lister(self, encoder: Callable[[Any], Any] | None) -> Callable[[Sequence[Any]], Any]:
        """Return what turns a list of values into what the slot of `among` takes."""

    @abstractmethod
    def insert(self, codec: Codec) -> str:
        """Return the statement that adds one row, which leaves nothing when it is refused.

        With a trigger on the table, SQLite copies each page that a statement changes so that ABORT can undo it. FAIL
        leaves what the statement did before; of a single row that is nothing, because all checks come first.
        """

    @abstractmethod
    def blob(self, value: bytes) -> str:
        """Return bytes as an SQL literal."""

    @abstractmethod
    def sum(self, sql: str) -> str:
        """Return the sum of a decimal column, as an integer."""

    @abstractmethod
    def condition(self, flag: str) -> str:
        """Return the condition that a flag, which is kept as 0 or 1, is set."""

    @abstractmethod
    def flag(self, condition: str) -> str:
        """Return a condition as a value."""

    @abstractmethod
    def factor(self, sql: str) -> str:
        """Return a factor, which is kept as a text, so that it compares by its value."""

    @abstractmethod
    def ranges(self, codes: str) -> tuple[str, str, str]:
        """Return what to select from for the ranges of a filter on codes, under the name r, and its low and high."""

    @abstractmethod
    def function(self, name: str, *values: str) -> str:
        """Return a call: position, ends, rest (of a text, from a position), part (and so many), number, shown, whole.

        Positions count from 0; `position` gives -1 for a text that is not there. `shown` is the text of a scaled
        decimal, `whole` its integer.
        """

    @abstractmethod
    def arithmetic(self, op: str, left: str, right: str, *, whole: bool) -> str:
        """Return left op right (add, sub, mul, div, mod), of integers (`whole`) or of scaled decimals."""

    @abstractmethod
    def scaled(self, integer: str) -> str:
        """Return an integer as a scaled decimal."""


class _Sqlite(Dialect):
    name = "sqlite"
    no_limit = "-1"
    true, false = "1", "0"
    from_few = "CROSS JOIN"
    slots = slots.SQLITE
    types: ClassVar[Mapping[Form, str]] = {
        "text": "TEXT",
        "decimal": "INTEGER",
        "factor": "TEXT",
        "int": "INTEGER",
        "bool": "INTEGER",
        "bytes": "BLOB",
    }
    latest = "SELECT version FROM debitor_store"
    forgotten = "SELECT COALESCE((SELECT version FROM debitor_forgotten), 0)"
    forgotten_now = (
        "INSERT INTO debitor_forgotten (one, version) VALUES (1, ?) "
        "ON CONFLICT (one) DO UPDATE SET version = max(version, excluded.version)"
    )
    by_company = False
    _calls: ClassVar[Mapping[str, str]] = {
        "position": "(instr({0}, {1}) - 1)",
        "ends": "length({1}) = 0 OR substr({0}, -length({1})) = {1}",
        "rest": "substr({0}, max({1}, 0) + 1)",
        "part": "substr({0}, max({1}, 0) + 1, max({2}, 0))",
        "number": "CAST({0} AS INTEGER)",
        "shown": f"CAST({{0}} / {FACTOR}.0 AS TEXT)",
        "whole": f"({{0}} / {FACTOR})",
    }

    def among(self, column: str, slot: str, form: Form) -> str:
        return f"{column} IN (SELECT value FROM json_each({slot}))"  # noqa: S608 - declared names only

    def lister(self, encoder: Callable[[Any], Any] | None) -> Callable[[Sequence[Any]], Any]:
        return lambda values: slots.listed(values, encoder)

    def insert(self, codec: Codec) -> str:
        return codec.insert_or_fail

    def blob(self, value: bytes) -> str:
        return f"X'{value.hex()}'"

    def sum(self, sql: str) -> str:
        return f"sum({sql})"

    def condition(self, flag: str) -> str:
        return f"({flag})"

    def flag(self, condition: str) -> str:
        return condition

    def factor(self, sql: str) -> str:
        return f"{sql} COLLATE factor"

    def ranges(self, codes: str) -> tuple[str, str, str]:
        return f"json_each(code_ranges({codes})) AS r", "r.value ->> 0", "r.value ->> 1"

    def function(self, name: str, *values: str) -> str:
        return self._calls[name].format(*values)

    def arithmetic(self, op: str, left: str, right: str, *, whole: bool) -> str:
        if not whole and op in _EXACT_FUNCTIONS:
            return f"{_EXACT_FUNCTIONS[op]}({left}, {right})"
        return f"({left} {_WHOLE[op]} {right})"

    def scaled(self, integer: str) -> str:
        return f"({integer} * {FACTOR})"


class _Postgresql(Dialect):
    """Numbers are computed as `numeric`, so that nothing overflows on the way."""

    name = "postgresql"
    no_limit = "ALL"
    true, false = "TRUE", "FALSE"
    from_few = "JOIN"
    slots = slots.POSTGRESQL
    types: ClassVar[Mapping[Form, str]] = {
        "text": 'text COLLATE "C"',
        "decimal": "bigint",
        "factor": 'text COLLATE "C"',
        "int": "bigint",
        "bool": "bigint",
        "bytes": "bytea",
    }
    latest = "SELECT COALESCE((SELECT version FROM debitor_clock WHERE company = ?), 0)"
    forgotten = "SELECT COALESCE((SELECT version FROM debitor_forgotten WHERE company = ?), 0)"
    forgotten_now = (
        "INSERT INTO debitor_forgotten (company, version) VALUES (?, ?) "
        "ON CONFLICT (company) DO UPDATE SET version = GREATEST(debitor_forgotten.version, excluded.version)"
    )
    by_company = True
    _calls: ClassVar[Mapping[str, str]] = {
        "position": "(strpos({0}, {1}) - 1)",
        "ends": "right({0}, length({1})) = {1}",
        "rest": "text_rest({0}, {1})",
        "part": "text_part({0}, {1}, {2})",
        "number": "CAST({0} AS bigint)",
        "shown": "decimal_shown({0})",
        "whole": f"div({{0}}, {FACTOR})",
    }
    _numeric: ClassVar[Mapping[str, str]] = {
        "add": "(CAST({0} AS numeric) + {1})",
        "sub": "(CAST({0} AS numeric) - {1})",
        "mul": "(CAST({0} AS numeric) * {1})",
        "div": "div({0}, NULLIF({1}, 0))",
        "mod": "mod(CAST({0} AS numeric), NULLIF({1}, 0))",
    }

    def among(self, column: str, slot: str, form: Form) -> str:
        kind = "text" if form in ("text", "factor") else "bigint"
        return f"{column} = ANY(CAST({slot} AS {kind}[]))"

    def lister(self, encoder: Callable[[Any], Any] | None) -> Callable[[Sequence[Any]], Any]:
        return lambda values: slots.listed_array(values, encoder)

    def insert(self, codec: Codec) -> str:
        return codec.insert

    def blob(self, value: bytes) -> str:
        return f"'\\x{value.hex()}'::bytea"

    def sum(self, sql: str) -> str:
        return f"CAST(sum({sql}) AS bigint)"

    def condition(self, flag: str) -> str:
        return f"({flag} <> 0)"

    def flag(self, condition: str) -> str:
        return f"CAST(CAST({condition} AS integer) AS bigint)"

    def factor(self, sql: str) -> str:
        return f"CAST({sql} AS numeric)"

    def ranges(self, codes: str) -> tuple[str, str, str]:
        return f"code_ranges({codes}) AS r", "r.low", "r.high"

    def function(self, name: str, *values: str) -> str:
        return self._calls[name].format(*values)

    def arithmetic(self, op: str, left: str, right: str, *, whole: bool) -> str:
        if not whole and op in _EXACT_FUNCTIONS:
            return f"{_EXACT_FUNCTIONS[op]}({left}, {right})"
        return self._numeric[op].format(left, right)

    def scaled(self, integer: str) -> str:
        return f"(CAST({integer} AS numeric) * {FACTOR})"


SQLITE: Dialect = _Sqlite()
POSTGRESQL: Dialect = _Postgresql()
