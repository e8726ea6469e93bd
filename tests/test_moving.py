"""Export, import, backup, restore, migrate: on both stores, by the command line, with what must not get through."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
import requests
import zstandard
from click.testing import CliRunner, Result

from backends import BACKENDS
from debitor import identity
from debitor.cli import main
from debitor.ledger.records import Company, CustomerLedgerEntry, JournalLine
from debitor.operations.companies import create_company
from debitor.schema import RECORDS
from debitor.store.opening import open_store
from meanwhile import wait_for
from wire.conftest import Server, books_of

TODAY = date(2026, 1, 31)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def good(*args: str) -> Any:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of SQLite books with a demo company, an empty one, a client and an attachment's bytes."""
    url = f"sqlite://{tmp_path_factory.mktemp('demo') / 'books.db'}"
    store = open_store(url)
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
        create_company(root, name="Empty", today=TODAY)
        identity.register_client(
            root, name="first", client_id="11111111-1111-4111-8111-111111111111", secret="x" * 32
        )
        from debitor.store import contents

        tx = root.at(1)
        id = contents.begin(tx)
        contents.append(tx, id, bytes(range(256)) * 1500)
        contents.keep(tx, id)
    store.close()
    return url


@pytest.fixture(scope="module")
def exported(demo: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "demo.debitor"
    good("export", "--database-url", demo, "--company", "demo", str(file))
    return file


@pytest.fixture(params=BACKENDS)
def other(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return BACKENDS[request.param](tmp_path)


def rows_of(url: str, company: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of a company, without what each store fills itself."""
    store = open_store(url)
    try:
        with store.snapshot() as root:
            (key,) = [c.key for c in root.all(Company) if c.name == company]
            return {
                record.name: [
                    {k: v for k, v in msgspec.structs.asdict(row).items() if k != "version"}
                    for row in root.at(key).all(record.row, order=record.key)
                ]
                for record in RECORDS.values()
                if record.by_company
            }
    finally:
        store.close()


# --------------------------------------------------------------------------- export and import


def test_a_company_is_the_same_in_another_store(demo: str, exported: Path, other: str) -> None:
    """Row by row, ids, numbers and time stamps included; the check, which verifies the chain, holds."""
    assert good("import", "--database-url", other, str(exported)) == {"companies": ["Demo"]}
    assert rows_of(other, "Demo") == rows_of(demo, "Demo")
    assert good("check", "--database-url", other)["ok"] is True
    heads = [good("check", "--head", "--database-url", url)[0]["hash"] for url in (demo, other)]
    assert heads[0] == heads[1]


def test_and_back_again(exported: Path, other: str, tmp_path: Path) -> None:
    """An export of what was imported is the same, line by line, but for when it was made."""
    good("import", "--database-url", other, str(exported))
    again = tmp_path / "again.debitor"
    good("export", "--database-url", other, "--company", "Demo", str(again))
    first, second = (lines(file) for file in (exported, again))

    assert first[1:-1] == second[1:-1]


def test_a_whole_store_moves_with_its_clients(demo: str, other: str, tmp_path: Path) -> None:
    file = tmp_path / "all.debitor"
    good("export", "--database-url", demo, str(file))

    assert good("import", "--database-url", other, str(file)) == {"companies": ["Demo", "Empty"]}
    assert rows_of(other, "Empty") == rows_of(demo, "Empty")
    (client,) = good("client", "list", "--database-url", other)
    assert client["client_id"] == "11111111-1111-4111-8111-111111111111"
    told = run("import", "--database-url", other, str(file))
    assert (told.exit_code, "goes into empty books" in told.output) == (1, True)


def test_a_company_is_copied_under_another_name(demo: str, exported: Path, tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path / 'copy.db'}"
    good("import", "--database-url", url, str(exported))
    for args, told in (((), "There is a company Demo already"), (("--as", "Copy"), "")):
        result = run("import", "--database-url", url, str(exported), *args)
        assert told in result.output
        assert result.exit_code == (1 if told else 0)
    assert rows_of(url, "Copy") == rows_of(url, "Demo") == rows_of(demo, "Demo")
    assert len({row["id"] for row in good("company", "list", "--database-url", url)}) == 2
    assert good("check", "--database-url", url)["ok"] is True


def test_the_imported_company_goes_on(exported: Path, tmp_path: Path) -> None:
    """A server over it posts a payment with the next numbers, and the chain goes on."""
    url = f"sqlite://{tmp_path / 'books.db'}"
    good("import", "--database-url", url, str(exported))
    server = Server(tmp_path / "served", "--database-url", url)
    books = books_of(server)
    journal = books.new_journal(balanced=True)
    body = {"customerNumber": "10400", "amount": -10, "documentNumber": "AFTER", "postingDate": "2026-01-20"}
    made = books.post(f"customerPaymentJournals({journal})/customerPayments", body)
    posted = books.post(f"customerPaymentJournals({journal})/Microsoft.NAV.post")
    assert server.stop() == 0

    assert (made.status_code, posted.status_code) == (201, 204)
    assert good("check", "--database-url", url)["ok"] is True


def test_decimals_are_text_and_the_format_is_what_its_page_says(exported: Path) -> None:
    first, company, record, *rest = lines(exported)
    head = json.loads(first)

    assert (head["format"], head["version"], head["scope"]) == ("debitor-export", 1, "company")
    assert json.loads(company)["company"]["name"] == "Demo"
    assert set(json.loads(record)) == {"record", "columns"}
    assert json.loads(rest[-1])["end"] == "export"
    at = next(n for n, line in enumerate(rest) if '"record":"customer_ledger_entry"' in line)
    columns = list(json.loads(rest[at])["columns"])
    entry = dict(zip(columns, json.loads(rest[at + 1]), strict=True))
    assert isinstance(entry["amount"], str)
    date.fromisoformat(entry["posting_date"])
    part = next(n for n, line in enumerate(rest) if '"record":"content_part"' in line)
    data = json.loads(rest[part + 1])[list(json.loads(rest[part])["columns"]).index("data")]
    assert base64.b64decode(data)[:256] == bytes(range(256))


def test_no_secret_is_in_a_company(exported: Path) -> None:
    text = "".join(lines(exported))

    assert not {"api_client", "signing_key", "refresh_token"} & {
        json.loads(line).get("record") for line in lines(exported) if line.startswith("{")
    }
    assert "11111111-1111-4111-8111-111111111111" not in text


def lines(file: Path) -> list[str]:
    with file.open("rb") as opened:
        return zstandard.ZstdDecompressor().stream_reader(opened).read().decode().splitlines()


def packed(file: Path, written: list[str]) -> Path:
    file.write_bytes(zstandard.ZstdCompressor().compress(("\n".join(written) + "\n").encode()))
    return file


def sealed(written: list[str]) -> list[str]:
    """The lines with the checksum of the whole made anew."""
    body = ("\n".join(written[:-1]) + "\n").encode()
    last = json.loads(written[-1]) | {"sha256": hashlib.sha256(body).hexdigest()}
    return [*written[:-1], json.dumps(last)]


def changed_row(told: list[str]) -> list[str]:
    at = next(n for n, line in enumerate(told) if line.startswith("[") and "10400" in line)
    return [*told[:at], told[at].replace("10400", "10401"), *told[at + 1 :]]


DAMAGES: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "cut": (lambda told: told[:-1], "its end is missing"),
    "a row changed": (lambda told: sealed(changed_row(told)), "their checksum is another one"),
    "a row lost": (
        lambda told: sealed([line for n, line in enumerate(told) if n != next(
            i for i, each in enumerate(told) if each.startswith("["))]),
        "their checksum is another one",
    ),
    "the whole changed": (
        lambda told: [told[0].replace('"created"', '"Created"'), *told[1:]], "its checksum is another one"
    ),
    "more behind it": (lambda told: [*told, told[-1]], "behind the end"),
    "a newer format": (lambda told: [told[0].replace('"version":1', '"version":2'), *told[1:]], "version 2"),
    "another format": (lambda told: ["{}", *told[1:]], "no debitor export"),
    "an unknown record": (lambda told: [told[0], told[1], told[2].replace('"record":"', '"record":"x'), *told[3:]],
                          "knows no record"),
    "an unknown column": (lambda told: [told[0], told[1], told[2].replace('{"id"', '{"colour":"text","id"', 1)
                          if '{"id"' in told[2] else told[2].replace('"columns":{', '"columns":{"colour":"text",'),
                          *told[3:]], "no column colour"),
    "no JSON": (lambda told: [*told[:5], "[1, 2", *told[5:]], "is not one of a debitor export"),
    "a number": (lambda told: [*told[:3], "5", *told[3:]], "is not one of a debitor export"),
    "empty": (lambda told: [], "is not one of a debitor export"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_export_changes_nothing(exported: Path, tmp_path: Path, damage: str) -> None:
    spoil, told = DAMAGES[damage]
    url = f"sqlite://{tmp_path / 'books.db'}"
    open_store(url).close()
    result = run("import", "--database-url", url, str(packed(tmp_path / "bad", spoil(lines(exported)))))

    assert (result.exit_code, told in result.output) == (1, True), result.output
    assert good("company", "list", "--database-url", url) == []
    store = open_store(url)
    assert store.reader().at(1).count(CustomerLedgerEntry) == 0
    store.close()


def test_what_is_not_compressed_is_refused(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("\n".join(lines(exported)))
    cut = tmp_path / "cut"
    cut.write_bytes(exported.read_bytes()[:-100])
    for file in (tmp_path / "plain", cut):
        result = run("import", "--database-url", f"sqlite://{tmp_path / 'books.db'}", str(file))
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output


# --------------------------------------------------------------------------- backup and restore


class Busy:
    """A server, with clients that create payments and post some of them until it is ended.

    `lines` and `posted`: the document numbers of what was acknowledged.
    """

    def __init__(self, folder: Path, backend: str) -> None:
        self.server = Server(folder, "--demo", store=backend)
        self.books = books_of(self.server)
        self.lines: list[str] = []
        self.posted: list[str] = []
        self._done = threading.Event()
        self._refused: list[str] = []
        journal = self.books.new_journal(balanced=True)
        works = [lambda n=n: self._create(f"W{n}", journal) for n in range(3)]
        self._workers = [threading.Thread(target=work) for work in (*works, self._post)]
        for worker in self._workers:
            worker.start()

    def _ask(self, session: requests.Session, path: str, body: Any = None) -> None:
        answer = session.post(f"{self.books.url}/{path}", json=body, timeout=60)
        if answer.status_code not in (201, 204):
            self._refused.append(answer.text)
            self._done.set()

    def _create(self, name: str, journal: str) -> None:
        with requests.Session() as session:
            session.headers.update(self.books.session.headers)
            at = 0
            while not self._done.is_set():
                at += 1
                body = {"customerNumber": "10400", "amount": -1, "documentNumber": f"{name}-{at}"}
                self._ask(session, f"customerPaymentJournals({journal})/customerPayments", body)
                self.lines.append(f"{name}-{at}")

    def _post(self) -> None:
        """Two payments at a time, in a journal of their own."""
        journal = self.books.new_journal(balanced=True)
        with requests.Session() as session:
            session.headers.update(self.books.session.headers)
            at = 0
            while not self._done.is_set():
                at += 1
                for part in "AB":
                    body = {"customerNumber": "10400", "amount": -1, "documentNumber": f"P{at}{part}"}
                    self._ask(session, f"customerPaymentJournals({journal})/customerPayments", body)
                self._ask(session, f"customerPaymentJournals({journal})/Microsoft.NAV.post")
                self.posted += [f"P{at}A", f"P{at}B"]

    def end(self) -> None:
        """Stop all of it; nothing was refused."""
        self._done.set()
        for worker in self._workers:
            worker.join()
        self.books.session.close()
        assert self.server.stop() == 0
        assert self._refused == []


@pytest.fixture(params=BACKENDS)
def busy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Busy, str]]:
    """A busy server on each kind of store, and the address of an empty store of the same kind."""
    empty = tmp_path / "restored"
    empty.mkdir()
    made = Busy(tmp_path / "books", request.param)
    yield made, BACKENDS[request.param](empty)
    made.end()


def test_a_backup_under_load_is_whole(busy: tuple[Busy, str], tmp_path: Path) -> None:
    """It has every write that was acknowledged before it began, each posting whole or not; the server goes on."""
    server, url = busy
    wait_for(lambda: len(server.lines) >= 50 and len(server.posted) >= 20)
    lines, posted = set(server.lines), set(server.posted)
    made = good("backup", *server.server.books, str(tmp_path / "backup"))
    during = len(server.lines), len(server.posted)
    good("restore", "--database-url", url, str(tmp_path / "backup"))

    assert made["bytes"] > 50_000
    assert good("check", "--database-url", url)["ok"] is True
    store = open_store(url)
    with store.snapshot() as root:
        found = {row.document_number for row in root.at(1).all(JournalLine)}
        entries = {row.document_number for row in root.at(1).all(CustomerLedgerEntry)}
    store.close()
    assert lines <= found
    assert posted <= entries
    assert {n[:-1] for n in entries if n[-1:] == "A"} == {n[:-1] for n in entries if n[-1:] == "B"}
    wait_for(lambda: len(server.lines) >= during[0] + 10 and len(server.posted) >= during[1] + 4)


def test_restore_keeps_what_was_there(demo: str, tmp_path: Path) -> None:
    """Only with --force, and never under a running server."""
    backup, data = tmp_path / "backup", tmp_path / "books"
    good("backup", "--database-url", demo, str(backup))
    server = Server(data, "--demo", store="sqlite")
    refused = run("restore", "--data", str(data), "--force", str(backup))
    assert server.stop() == 0
    careful = run("restore", "--data", str(data), str(backup))
    forced = good("restore", "--data", str(data), "--force", str(backup))

    assert (refused.exit_code, careful.exit_code) == (2, 1)
    assert "Another debitor server" in refused.output
    assert "--force" in careful.output
    assert [c["name"] for c in good("company", "list", "--data", str(data))] == ["Demo", "Empty"]
    kept = good("company", "list", "--database-url", f"sqlite://{forced['kept']}")
    assert [c["name"] for c in kept] == ["Fernweh Outdoor Trading"]


def test_what_a_reader_held_back_is_kept_too(demo: str, tmp_path: Path) -> None:
    """While somebody reads, the last commits stay in the write-ahead log: that moves along with the old file."""
    backup, data = tmp_path / "backup", tmp_path / "books"
    good("backup", "--database-url", demo, str(backup))
    good("restore", "--data", str(data), str(backup))
    path = data / "debitor.db"
    assert len(good("company", "list", "--data", str(data))) == 2
    reading = apsw.Connection(str(path))
    reading.execute("BEGIN")
    reading.execute("SELECT count(*) FROM customer").fetchall()
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        create_company(root, name="Late", today=TODAY)
    store.close()
    forced = good("restore", "--data", str(data), "--force", str(backup))
    reading.close()

    kept = good("company", "list", "--database-url", f"sqlite://{forced['kept']}")
    assert "Late" in {c["name"] for c in kept}
    assert "Late" not in {c["name"] for c in good("company", "list", "--data", str(data))}


def test_copies_are_for_their_owner_only(demo: str, tmp_path: Path) -> None:
    """Whatever the umask: they hold the keys that sign tokens."""
    before = os.umask(0)
    try:
        good("backup", "--database-url", demo, str(tmp_path / "backup"))
        (tmp_path / "open").mkdir(mode=0o755)
        good("restore", "--data", str(tmp_path / "open"), str(tmp_path / "backup"))
        good("export", "--database-url", demo, str(tmp_path / "export"))
        modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("backup", "export", "open/debitor.db")}
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(modes, 0o600)


def test_a_store_of_a_newer_debitor_is_neither_restored_nor_migrated(demo: str, tmp_path: Path) -> None:
    newer, data = tmp_path / "newer.db", tmp_path / "books"
    good("backup", "--database-url", demo, str(newer))
    connection = apsw.Connection(str(newer))
    connection.execute("UPDATE debitor_store SET schema_version = 999")
    connection.close()
    for args in (
        ("restore", "--data", str(data), str(newer)),
        ("migrate", "--check", "--database-url", f"sqlite://{newer}"),
        ("migrate", "--database-url", f"sqlite://{newer}"),
    ):
        result = run(*args)
        assert result.exit_code in (1, 2)
        assert "has version 999" in result.output
    assert not (data / "debitor.db").exists()


def test_a_restore_of_an_export_that_fails_can_be_tried_again(demo: str, tmp_path: Path) -> None:
    whole, data = tmp_path / "whole", tmp_path / "books"
    good("export", "--database-url", demo, str(whole))
    bad = packed(tmp_path / "bad", lines(whole)[:-1])
    assert "its end is missing" in run("restore", "--data", str(data), str(bad)).output
    good("restore", "--data", str(data), str(whole))

    assert "With --force" in run("restore", "--data", str(data), str(whole)).output
    forced = good("restore", "--data", str(data), "--force", str(whole))
    assert [c["name"] for c in good("company", "list", "--data", str(data))] == ["Demo", "Empty"]
    assert Path(forced["kept"]).exists()
    assert {path.name for path in data.iterdir()} <= {"debitor.db", "debitor.db.lock", Path(forced["kept"]).name}


def test_a_damaged_backup_is_not_restored(demo: str, tmp_path: Path) -> None:
    backup, data = tmp_path / "backup", tmp_path / "books"
    good("backup", "--database-url", demo, str(backup))
    raw = bytearray(backup.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 8192] = bytes(8192)
    backup.write_bytes(raw)
    (tmp_path / "text").write_text("no backup")
    for file, told in ((backup, "is damaged"), (tmp_path / "text", "is no backup"), (tmp_path / "none", "cannot be")):
        result = run("restore", "--data", str(data), str(file))
        assert (result.exit_code, told in result.output) == (1, True), result.output
    assert not (data / "debitor.db").exists()


def test_a_backup_overwrites_nothing(demo: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    for file, told in ((tmp_path / "there", "exists already"), (tmp_path / "no" / "x", "no folder")):
        result = run("backup", "--database-url", demo, str(file))
        assert (result.exit_code, told in result.output) == (1, True)
    assert (tmp_path / "there").read_text() == "precious"


def test_a_backup_on_postgresql_is_an_export(demo: str, tmp_path: Path) -> None:
    first, second = BACKENDS["postgresql"](tmp_path), BACKENDS["postgresql"](tmp_path)
    whole, backup = tmp_path / "whole", tmp_path / "backup"
    good("export", "--database-url", demo, str(whole))
    good("import", "--database-url", first, str(whole))
    good("backup", "--database-url", first, str(backup))
    good("restore", "--database-url", second, str(backup))

    assert rows_of(second, "Demo") == rows_of(demo, "Demo")
    sqlite = tmp_path / "sqlite-backup"
    good("backup", "--database-url", demo, str(sqlite))
    assert "is a backup of a SQLite store" in run("restore", "--database-url", second, str(sqlite)).output


# --------------------------------------------------------------------------- migrate


def test_migrate_says_and_does_what_is_to_do(demo: str, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    good("backup", "--database-url", demo, str(path))
    url = f"sqlite://{path}"
    assert good("migrate", "--check", "--database-url", url) == {"outdated": False, "migrated": False}
    connection = apsw.Connection(str(path))
    connection.execute("DROP INDEX customer_ledger_entry__source_id")
    connection.execute("UPDATE debitor_store SET fingerprint = 'older'")
    connection.close()
    checked = run("migrate", "--check", "--database-url", url)

    assert (checked.exit_code, "is of another version" in checked.output) == (1, True)
    assert good("migrate", "--database-url", url) == {"outdated": True, "migrated": True}
    assert good("migrate", "--check", "--database-url", url)["outdated"] is False
    connection = apsw.Connection(str(path))
    found = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'customer_ledger_entry__source_id'"
    ).fetchall()
    connection.close()
    assert found == [(1,)]


def test_migrate_knows_postgresql(tmp_path: Path) -> None:
    url = BACKENDS["postgresql"](tmp_path)

    assert run("migrate", "--check", "--database-url", url).exit_code == 1
    good("migrate", "--database-url", url)
    assert run("migrate", "--check", "--database-url", url).exit_code == 0
