"""The commands that move books: export, import, backup, restore, migrate. They call other rooms and print."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import click

from debitor import __version__
from debitor.commands import Failure, as_json, print_json, settings_of, where

if TYPE_CHECKING:
    from debitor.store import Root, Store

PIECE = 1 << 20
EVERY = 0.5
"""Seconds between two words on progress."""
ZSTANDARD = b"\x28\xb5\x2f\xfd"


def progress(what: str) -> Callable[[int], None]:
    """Return what says on a terminal how many rows have gone; nowhere else."""
    shown = sys.stderr.isatty()
    last = 0.0

    def tell(rows: int, *, done: bool = False) -> None:
        nonlocal last
        now = time.monotonic()
        if shown and (done or now - last > EVERY):
            last = now
            click.echo(f"\r{what}: {rows:,} rows", nl=done, err=True)

    return tell


@contextlib.contextmanager
def _written(path: str) -> Iterator[BinaryIO]:
    """A new file, whole or not at all, readable by its owner only; `-` is standard output."""
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    import os

    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        raise Failure(f"{path} could not be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _export(root: Root, file: IO[bytes], company: str | None) -> int:
    """Write an export, compressed. Returns how many rows it has."""
    import zstandard

    from debitor.operations.transfer import company_named, export

    tell, rows = progress("exported"), 0
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    of = None if company is None else company_named(root, company)
    with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as writer:
        for line, rows in export(root, company=of, program=__version__, created=created):
            writer.write(line)
            tell(rows)
    return rows


def _import(begin: Callable[[], AbstractContextManager[Root]], file: IO[bytes], rename: str = "") -> list[str]:
    """Take in a compressed export, in the transactions that `begin` gives. Returns its companies. Raises Failure."""
    import zstandard

    from debitor.operations.transfer import TransferError, lines_of, take_in

    def pieces() -> Iterator[bytes]:
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as reader:
            while piece := reader.read(PIECE):
                yield piece

    try:
        return take_in(begin, lines_of(pieces()), rename=rename, told=progress("imported"))
    except TransferError as error:
        raise Failure(str(error)) from error
    except zstandard.ZstdError as error:
        raise Failure(f"The export is damaged, or none: {error}") from error


def _import_beside(store: Store, path: Path | None, file: IO[bytes], rename: str) -> list[str]:
    """Take in an export into a store that others use meanwhile; `path`: on SQLite. Returns its companies.

    Raises:
        Failure: it cannot be taken in, or another import has the file.
    """
    from debitor import arriving
    from debitor.store import StoreError

    if path is None:
        with arriving.beside(store) as begin:
            return _import(begin, file, rename)
    with arriving.only_import(path) as free:
        if not free:
            raise Failure(f"Another import into {path} is under way; try again when it has ended.")
        arriving.remove_left(store, path)
        try:
            return _import(lambda: arriving.portion(store), file, rename)
        except BaseException:
            # If that fails, too, the next import or start of a server does it; until then nobody sees what is left.
            with contextlib.suppress(StoreError):
                arriving.remove_left(store, path)
            raise


def _made_of(file: IO[bytes], path: Path) -> Path | None:
    """Make a SQLite store of an export, beside the one that it replaces. Returns where that is kept, if any."""
    from debitor.store import copies
    from debitor.store.opening import open_store

    made = copies.beside(path)
    made.unlink(missing_ok=True)
    try:
        store = open_store(f"sqlite://{made}")
        try:
            with store.transaction() as root:
                _import(lambda: contextlib.nullcontext(root), file)
        finally:
            store.close()
        return copies.put(made, path)
    except OSError as error:
        raise Failure(f"{path} could not be written: {error.strerror}") from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            made.with_name(made.name + suffix).unlink(missing_ok=True)


@click.command("export")
@where
@as_json
@click.option("--company", help="Only this company; otherwise the whole store, with clients.")
@click.argument("file")
def export_books(config: Path | None, json_form: bool, company: str | None, file: str, **flags: Any) -> None:
    """Write books to a file (- for standard output), in an open format. The server may go on serving them.

    \b
    Example:
      debitor export books.debitor --company "My Company"
      debitor export - | ssh vault 'cat > books.debitor'
    """
    from debitor import server

    with server.open_books(settings_of(config, **flags)) as store, store.snapshot() as root, _written(file) as target:
        rows = _export(root, target, company)
    if json_form and file != "-":
        print_json({"file": file, "rows": rows})
    elif file != "-":
        click.echo(f"{rows:,} rows are in {file}.")


@click.command("import")
@where
@as_json
@click.option("--as", "rename", default="", help="Another name for the company.")
@click.argument("file")
def import_books(config: Path | None, json_form: bool, rename: str, file: str, **flags: Any) -> None:
    """Take in what `debitor export` wrote (- reads standard input): all of it, or nothing.

    \b
    Example:
      debitor import books.debitor --as "My Company 2"
      debitor import books.debitor --database-url postgresql://debitor@db/debitor
    """
    from debitor import server

    with contextlib.ExitStack() as stack:
        if file == "-":
            source: IO[bytes] = sys.stdin.buffer
        else:
            try:
                source = stack.enter_context(Path(file).open("rb"))
            except OSError as error:
                raise Failure(f"{file} cannot be read: {error.strerror}") from error
        settings = settings_of(config, **flags)
        store = stack.enter_context(server.open_books(settings, create=True))
        names = _import_beside(store, None if settings.on_server else settings.store_path, source, rename.strip())
    if json_form:
        print_json({"companies": names})
    else:
        click.echo(f"Taken in: {', '.join(names) or 'no company'}. Now run debitor check.")


@click.command("backup")
@where
@as_json
@click.argument("file", type=click.Path(path_type=Path))
def backup_books(config: Path | None, json_form: bool, file: Path, **flags: Any) -> None:
    """Copy the whole store, as it is at this moment, while the server goes on.

    A SQLite store becomes a SQLite file, one on PostgreSQL an export of the whole store.

    \b
    Example:
      debitor backup /backup/debitor-$(date +%F)
    """
    from debitor import server
    from debitor.store import copies

    settings = settings_of(config, **flags)
    if file.exists():
        raise Failure(f"{file} exists already; name a new file.")
    if not file.parent.is_dir():
        raise Failure(f"There is no folder {file.parent}.")
    if settings.on_server:
        with server.open_books(settings) as store, store.snapshot() as root, _written(str(file)) as target:
            _export(root, target, None)
    else:
        if not settings.store_path.is_file():
            raise Failure(f"There are no books at {settings.store_path}.", 2)
        copies.copy(settings.store_path, file)
    size = file.stat().st_size
    if json_form:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"{file} has {size:,} bytes.")


@click.command("restore")
@where
@as_json
@click.option("--force", is_flag=True, help="Also where there are books; the old file is kept beside the new one.")
@click.argument("file", type=click.Path(path_type=Path))
def restore_books(config: Path | None, json_form: bool, force: bool, file: Path, **flags: Any) -> None:
    """Bring back what `debitor backup` wrote, checked first. No server may run on these books.

    \b
    Example:
      debitor restore /backup/debitor-2026-01-31 --data ./debitor-data
    """
    from debitor import server
    from debitor.store import copies

    settings = settings_of(config, **flags)
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(copies.MAGIC))
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error
    if begins[: len(ZSTANDARD)] != ZSTANDARD and begins != copies.MAGIC:
        raise Failure(f"{file} is no backup of debitor.")
    kept: Path | None = None
    if begins == copies.MAGIC:
        if settings.on_server:
            raise Failure(
                "This is a backup of a SQLite store. Restore it to a file, and move it to PostgreSQL with debitor "
                "export and debitor import."
            )
        path = settings.store_path
        if path.exists() and not force:
            raise Failure(f"There are books at {path}. With --force they are replaced, and kept beside the new ones.")
        with server.only_server(path):
            kept = copies.put_back(file, path)
    else:
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(file.open("rb"))
            if settings.on_server:
                store = stack.enter_context(server.open_books(settings, create=True))
                root = stack.enter_context(store.transaction())
                _import(lambda: contextlib.nullcontext(root), opened)
            else:
                path = settings.store_path
                if path.exists() and not force:
                    raise Failure(f"There are books at {path}. With --force they are replaced, and kept beside.")
                stack.enter_context(server.only_server(path))
                kept = _made_of(opened, path)
    if json_form:
        print_json({"restored": str(file), "kept": None if kept is None else str(kept)})
        return
    click.echo(f"{file} is restored. Now run debitor check.")
    if kept is not None:
        click.echo(f"The books that were there are kept as {kept}.")


@click.command("migrate")
@where
@as_json
@click.option("--check", is_flag=True, help="Only say whether there is something to do: exit code 1 when there is.")
@click.option("--distribute", "spread", is_flag=True, help="Then spread the tables over a Citus cluster, by company.")
@click.option("--shards", type=click.IntRange(1, 32768), default=32, show_default=True, help="Parts to spread in.")
def migrate_books(config: Path | None, json_form: bool, check: bool, spread: bool, shards: int, **flags: Any) -> None:
    """Bring the store to this version. A server does so by itself when it starts.

    \b
    Example:
      debitor migrate --check
      debitor migrate --database-url postgresql://debitor@coordinator/debitor --distribute --shards 64
    """
    from debitor import server
    from debitor.store.opening import distribute, outdated

    settings = settings_of(config, **flags)
    with server.reachable_books(settings):
        needed = outdated(settings.store_url)
    if not check and needed:
        # A server of another version must not serve a file meanwhile.
        alone = contextlib.nullcontext() if settings.on_server else server.only_server(settings.store_path)
        with alone, server.open_books(settings, create=settings.on_server):
            pass
    made = distribute(settings.store_url, shards=shards) if spread and not check else []
    if json_form:
        told = {"outdated": needed, "migrated": needed and not check}
        print_json({**told, "distributed": made} if spread else told)
    elif spread and not check:
        click.echo(f"{len(made)} tables were spread, {shards} shards each." if made else "All tables are spread.")
    elif not needed:
        click.echo(f"The store is one of debitor {__version__}.")
    elif check:
        click.echo("The store is of another version; debitor migrate, or the next start of the server, upgrades it.")
    else:
        click.echo(f"The store was upgraded to debitor {__version__}.")
    if check and needed:
        raise SystemExit(1)


MOVING = (export_books, import_books, backup_books, restore_books, migrate_books)
"""The commands, for debitor.cli."""
