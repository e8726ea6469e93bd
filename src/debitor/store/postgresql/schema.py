"""Records -> tables, indexes and triggers of PostgreSQL, and what an existing schema lacks of them.

`company` leads the key, every unique index and every other index, and no key points to another table: so the same
tables lie on one server, or spread by company over many. Names longer than PostgreSQL allows are cut, with a hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from debitor.schema import Record
from debitor.store import StoreError, ddl
from debitor.store.dialect import POSTGRESQL
from debitor.store.postgresql import citus, upgrade
from debitor.store.postgresql.link import Link
from debitor.store.rows import CREATED

_LONGEST = 63
"""Bytes of a name."""
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_SPACES += "\u2028\u2029\u202f\u205f\u3000"
"""What Python takes for white space."""
_LETTERS = ("pg_unicode_fast", "und-x-icu", "pg_c_utf8", "C.utf8", "default")
"""Collations that know the case of all letters, the best first."""
_OLDEST = 150000
"""PostgreSQL 15, as servers number themselves."""
_STATE = (
    "INSERT INTO debitor_store (one, schema_version, fingerprint) VALUES (1, ?, ?) ON CONFLICT (one) "
    "DO UPDATE SET schema_version = excluded.schema_version, fingerprint = excluded.fingerprint"
)


@dataclass(frozen=True)
class Table:
    """The statements that make one record's table.

    Attributes:
        name: table name.
        create: CREATE TABLE.
        columns: column name -> its definition.
        checks: name of a constraint -> the condition that every row meets.
        indexes, triggers: name -> statement.
    """

    name: str
    create: str
    columns: Mapping[str, str]
    checks: Mapping[str, str]
    indexes: Mapping[str, str]
    triggers: Mapping[str, str]


def cut(name: str) -> str:
    """Return a name that PostgreSQL takes."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def index_name(record: Record, columns: Sequence[str]) -> str:
    """Return the name of a declared index."""
    return cut(f"{record.name}__{'__'.join(columns)}")


def unique_columns(record: Record, index: str) -> tuple[str, ...]:
    """Return the columns of a unique index, by its name; () when it has none of these names."""
    if citus.named(index, cut(f"{record.name}_pkey")):
        return record.key
    return next((g for g in ddl.unique_groups(record) if citus.named(index, index_name(record, g))), ())


def table(record: Record) -> Table:
    """Return the statements for a record."""
    lead = ("company",) if record.by_company else ()
    columns = dict.fromkeys(lead, "bigint NOT NULL")
    columns |= {c.name: ddl.definition(c, POSTGRESQL) for c in record.columns}
    if record.tracked:
        columns[CREATED] = "bigint NOT NULL DEFAULT 0"
    # Named as PostgreSQL itself does, so that they can be added to a table that is there.
    checks = {cut(f"{record.name}_{c.name}_check"): rule for c in record.columns if (rule := ddl.check(c))}
    body = [f'  "{name}" {definition}' for name, definition in columns.items()]
    body += [f'  CONSTRAINT "{name}" CHECK ({rule})' for name, rule in checks.items()]
    key = cut(f"{record.name}_pkey")
    body.append(f'  CONSTRAINT "{key}" PRIMARY KEY ({ddl.names(lead + record.key)})')
    create = f'CREATE TABLE "{record.name}" (\n' + ",\n".join(body) + "\n)"
    indexes = {}
    for kind, groups in (("UNIQUE INDEX", ddl.unique_groups(record)), ("INDEX", record.indexes)):
        for group in groups:
            name = index_name(record, group)
            indexes[name] = f'CREATE {kind} "{name}" ON "{record.name}" ({ddl.names(lead + group)})'
    if record.tracked:
        name = index_name(record, ("version",))
        indexes[name] = f'CREATE INDEX "{name}" ON "{record.name}" ({ddl.names((*lead, "version"))})'
    return Table(record.name, create, columns, checks, indexes, dict(_triggers(record)))


def _triggers(record: Record) -> Iterator[tuple[str, str]]:
    only = f' WHEN (OLD."{record.frozen_when}" = 1)' if record.frozen_when else ""
    whole = record.frozen == ("*",)

    def trigger(kind: str, event: str, when: str, told: str, each: str = "ROW") -> tuple[str, str]:
        name = cut(f"{record.name}__{kind}")
        return name, (
            f'CREATE TRIGGER "{name}" BEFORE {event} ON "{record.name}" FOR EACH {each}{when} '
            f"EXECUTE FUNCTION debitor_refuse('{ddl.FROZEN}: {record.name} cannot be {told}')"
        )

    if record.frozen:
        event = "UPDATE" if whole else f"UPDATE OF {ddl.names(record.frozen)}"
        yield trigger("frozen", event, only, "changed")
    always = not record.deletable or (whole and not only)
    if always or only:
        yield trigger("kept", "DELETE", "" if always else only, "deleted")
        yield trigger("emptied", "TRUNCATE", "", "deleted", "STATEMENT")


def prepare(link: Link, records: Sequence[Record]) -> None:
    """Make the tables of a new store, all or nothing; or bring an older one to what is declared, while others use it.

    An older one is completed step by step, see debitor.store.postgresql.upgrade. What breaks off half-way is gone on
    with when a store is opened next.

    Args:
        link: a connection that is used for nothing else afterwards.
        records: what is declared.
    Raises:
        StoreError: the schema belongs to another program or a newer debitor, or the server is too old; somebody else
            holds a table for too long.
        Failed, Broken: the server says no.
    """
    ((server, encoding),) = link.execute(
        "SELECT CAST(current_setting('server_version_num') AS bigint), current_setting('server_encoding')"
    ).fetchall()
    if server < _OLDEST:
        raise StoreError(f"PostgreSQL {server // 10000} is too old; debitor needs 15 or newer.")
    if encoding != "UTF8":
        raise StoreError(f"The database has the encoding {encoding}; make one with UTF8.")
    tables = [table(r) for r in records]
    common = _common(link)
    wanted = _fingerprint(tables, common)
    numbered = ddl.migrations()
    newest = max(numbered)
    if _state(link, newest) == (newest, wanted):
        return
    with upgrade.alone(link):
        state = _state(link, newest)
        if state == (newest, wanted):
            return
        if state is None:
            made = [each for one in tables for each in upgrade.creation(one)]
            upgrade.together(link, [*((s, ()) for s in common), *made, (_STATE, (newest, wanted))])
            return
        upgrade.together(link, [(s, ()) for s in upgrade.needed(link, common)])
        for number in range(state[0] + 1, newest + 1):
            changes = [(s, ()) for s in numbered[number].split(";") if _without_comments(s).strip()]
            upgrade.together(link, [*changes, (_STATE, (number, ""))])
        upgrade.complete(link, tables)
        citus.follow(link, records)
        upgrade.together(link, [(_STATE, (newest, wanted))])


def outdated(link: Link, records: Sequence[Record]) -> bool:
    """Whether `prepare` would change the tables. Raises StoreError, Failed, Broken."""
    newest = max(ddl.migrations())
    return _state(link, newest) != (newest, _fingerprint([table(r) for r in records], _common(link)))


def _fingerprint(tables: Sequence[Table], common: Sequence[str]) -> str:
    """Return a short text that differs when any statement differs."""
    made = "\n".join([*common, *(s for t in tables for s in (t.create, *t.indexes.values(), *t.triggers.values()))])
    return hashlib.sha256(made.encode()).hexdigest()[:32]


def _without_comments(statement: str) -> str:
    return re.sub(r"--.*", "", statement)


def _common(link: Link) -> list[str]:
    """Return the statements that every store has, for this server's collations."""
    known = {name for (name,) in link.execute("SELECT collname::text FROM pg_collation").fetchall()}
    letters = next(name for name in _LETTERS if name in known or name == "default")
    text = (resources.files(__package__) / "schema.sql").read_text(encoding="utf-8")
    spaces = "E'" + "".join(f"\\u{ord(c):04x}" for c in _SPACES) + "'"
    text = text.replace("{letters}", f'"{letters}"').replace("{spaces}", spaces)
    return [s for s in re.split(r";\n(?=\s*(?:CREATE|ALTER|--|$))", text) if _without_comments(s).strip()]


def _state(link: Link, newest: int) -> tuple[int, str] | None:
    """Return (schema version, fingerprint), or None for a schema without a store. Raises StoreError."""
    ((there,),) = link.execute("SELECT to_regclass('debitor_store')::text").fetchall()
    if there is None:
        foreign = link.execute(
            "SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(current_schema()) "
            "AND c.relkind IN ('r', 'p') AND NOT EXISTS "
            "(SELECT 1 FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1"
        ).fetchall()
        if foreign:
            raise StoreError(
                f"The schema has tables of another program, such as {foreign[0][0]}. Name another database or schema."
            )
        return None
    rows = link.execute("SELECT schema_version, fingerprint FROM debitor_store").fetchall()
    if not rows:
        return None
    version, fingerprint = rows[0]
    if version > newest:
        raise StoreError(
            f"This store has version {version} and this debitor knows versions up to {newest}. "
            "Start the newer debitor that wrote it."
        )
    return version, fingerprint
