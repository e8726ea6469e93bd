"""A store of every version before opens, has all its rows and the schema of a new one, and passes every check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard

from debitor.ledger.records import Company, GeneralLedgerEntry
from debitor.operations.checks import check_books
from debitor.store.opening import open_store, outdated
from store.released import KEPT

RELEASED = sorted(KEPT.glob("*.db.zst"))


def schema(path: Path) -> dict[Any, Any]:
    """Columns of tables, and what else there is, whatever the order in which it came."""
    connection = apsw.Connection(str(path))
    found: dict[Any, Any] = {}
    objects = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    for kind, name, sql in objects:
        if kind == "table":
            columns = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?)'
            found[name] = sorted(connection.execute(columns, (name,)).fetchall())
        else:
            found[name] = sql
    connection.close()
    return found


def test_there_is_one() -> None:
    assert RELEASED


@pytest.mark.parametrize("kept", RELEASED, ids=lambda path: path.name)
def test_it_upgrades_by_itself(kept: Path, tmp_path: Path) -> None:
    path, fresh = tmp_path / "old.db", tmp_path / "new.db"
    path.write_bytes(zstandard.ZstdDecompressor().decompress(kept.read_bytes()))
    ((count,),) = apsw.Connection(str(path)).execute("SELECT count(*) FROM general_ledger_entry").fetchall()
    store = open_store(f"sqlite://{path}")
    with store.snapshot() as root:
        findings = check_books(root)
        (company,) = root.all(Company)
        there = root.at(company.key).count(GeneralLedgerEntry)
    store.close()
    open_store(f"sqlite://{fresh}").close()

    assert findings == []
    assert there == count
    assert there > 100
    assert schema(path) == schema(fresh)
    assert not outdated(f"sqlite://{path}")
