"""The house rules that a tool can check: which room may import which, and what the accounting must never touch."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "debitor"

ALLOWED = {
    "schema": set(),
    "ranges": set(),
    "query": {"schema"},
    "ledger": {"schema"},
    "documents": set(),
    "watch": set(),
    "logs": set(),
    "store": {"schema", "query", "ranges"},
    "odata": {"schema", "query", "ranges", "store"},
    "front": {"schema", "store", "odata", "identity", "oauth", "watch", "__version__"},
    "operations": {"schema", "query", "ranges", "store", "ledger", "documents"},
    "entities": {"schema", "query", "ledger", "operations"},
}
"""Room -> rooms it may import besides itself. A room that is not listed composes, and may import anything."""

FILES = sorted(SRC.rglob("*.py"))


def room_of(path: Path) -> str:
    part = path.relative_to(SRC).parts[0]
    return part.removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "debitor":
                names = [f"debitor.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("debitor.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SRC)))
def test_imports_run_downwards(path: Path) -> None:
    """A newcomer can read a room without the rooms above it."""
    room = room_of(path)
    if room in ALLOWED:
        wrong = imported_rooms(path) - ALLOWED[room] - {room}

        assert not wrong, f"{path.relative_to(SRC)} imports {sorted(wrong)}"


FORBIDDEN_MODULES = {
    "time",
    "random",
    "secrets",
    "os",
    "uuid",
    "apsw",
    "psycopg",
    "asyncio",
    "threading",
    "socket",
    "pathlib",
}
FORBIDDEN_CALLS = {"now", "today", "utcnow", "urandom", "open", "float"}


@pytest.mark.parametrize("path", sorted((SRC / "ledger").rglob("*.py")), ids=lambda p: p.name)
def test_the_accounting_is_pure(path: Path) -> None:
    """No clock, no randomness, no driver, no float in the rooms that decide about money."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not {a.name.split(".")[0] for a in node.names} & FORBIDDEN_MODULES, ast.dump(node)
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES, node.module
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert name not in FORBIDDEN_CALLS, f"{path.name}:{node.lineno} calls {name}"
        elif isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"{path.name}:{node.lineno} has a float"


def test_one_sqlite_library_per_process() -> None:
    """Two SQLite libraries on one file in one process can drop each other's locks."""
    for path in FILES:
        assert "import sqlite3" not in path.read_text(), path
