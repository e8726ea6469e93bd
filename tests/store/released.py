"""Keeps a store of this version, so that later versions can prove that they upgrade it.

cd tests && ../.venv/bin/python -m store.released          before a release, once: the files are never made anew
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import zstandard

from debitor import __version__, identity
from debitor.operations.companies import create_company
from debitor.store import copies
from debitor.store.opening import open_store

KEPT = Path(__file__).parent / "released"


def make(folder: Path) -> Path:
    """Make a store with a demo company and a client. Returns its file."""
    path = folder / "made.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=3600)
        identity.register_client(root, name="first", secret="a secret of a test store, known to all")
        create_company(root, name="Demo", today=date(2026, 1, 31), demo=True)
    store.close()
    copies.copy(path, folder / "store.db")
    return folder / "store.db"


def main() -> None:
    """Write the file of this version."""
    target = KEPT / f"{__version__}.db.zst"
    assert not target.exists(), f"{target} is kept already; stores of a released version never change"
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        raw = make(Path(folder)).read_bytes()
    target.write_bytes(zstandard.ZstdCompressor(level=22).compress(raw))
    print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
