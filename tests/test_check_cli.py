"""debitor check on the command line: heads, and heads that were noted before."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from debitor.cli import main
from debitor.operations.companies import create_company
from debitor.store.opening import open_store
from postgresql import empty_books, empty_schema
from postgresql import run as run_statements


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    store = open_store(f"sqlite://{folder / 'debitor.db'}")
    with store.transaction() as root:
        create_company(root, name="Demo", today=date(2026, 1, 31), demo=True)
        create_company(root, name="Empty", today=date(2026, 1, 31))
    store.close()
    return folder


def run(data: Path, *flags: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["check", "--data", str(data), *flags])
    return done.exit_code, done.output


def test_the_head_is_shown_and_found_again(data: Path) -> None:
    code, told = run(data, "--head")
    found = re.fullmatch(r"(\d+):([0-9a-f]{64})  Demo\n", told)

    assert code == 0
    assert found is not None
    assert run(data, "--expect", f"{found[1]}:{found[2].upper()}") == (0, "Every check of the books holds.\n")
    answer = json.loads(run(data, "--json")[1])
    assert answer == {
        "ok": True,
        "violations": [],
        "heads": [{"company": "Demo", "number": int(found[1]), "hash": found[2]}],
    }
    assert json.loads(run(data, "--head", "--json")[1]) == answer["heads"]


def test_a_head_that_is_gone_fails_the_check(data: Path) -> None:
    code, told = run(data, "--expect", f"1:{'a' * 64}")

    assert code == 1
    assert "No company has ledger seal 1 with hash aaaa" in told


@pytest.mark.parametrize("text", ["", "1", "x:" + "a" * 64, "1:abc"])
def test_what_is_no_head_is_refused(data: Path, text: str) -> None:
    code, told = run(data, "--expect", text)

    assert code == 2
    assert "NUMBER:HASH" in told


def test_one_company_is_checked_by_name(data: Path) -> None:
    answer = json.loads(run(data, "--company", "Demo", "--json")[1])

    assert (answer["ok"], [head["company"] for head in answer["heads"]]) == (True, ["Demo"])
    assert json.loads(run(data, "--company", "Empty", "--json")[1])["heads"] == []
    code, told = run(data, "--company", "Nobody")
    assert code == 2
    assert "There are: Demo, Empty" in told


def test_books_in_postgresql(tmp_path: Path) -> None:
    """The same command, by address; books that are not there are neither sound nor made."""
    url, missing_url = empty_books(), empty_schema()
    missing = CliRunner().invoke(main, ["check", "--database-url", missing_url])
    gone = CliRunner().invoke(main, ["check", "--database-url", f"postgresql://nobody@/nothing?host={tmp_path}"])
    left = run_statements(
        missing_url, "SELECT CAST(count(*) AS bigint) FROM pg_tables WHERE schemaname = current_schema()"
    )
    store = open_store(url)
    with store.transaction() as root:
        create_company(root, name="Demo", today=date(2026, 1, 31), demo=True)
    store.close()
    found = CliRunner().invoke(main, ["check", "--database-url", url])

    assert (missing.exit_code, gone.exit_code) == (2, 2)
    assert "There are no books at postgresql://" in missing.output
    assert "cannot be reached" in gone.output
    assert left == [(0,)]
    assert (found.exit_code, found.output) == (0, "Every check of the books holds.\n")
