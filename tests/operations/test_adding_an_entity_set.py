"""The page on adding an entity set quotes the program."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-an-entity-set.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SOURCES = [path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_the_code_on_the_page_is_the_code_of_the_program(block: str) -> None:
    """Letter by letter, in one of the files."""
    assert any(block.strip() in source for source in SOURCES)


def test_the_files_that_the_page_names_exist() -> None:
    """With their folder, or beside the other entity sets."""
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))

    assert len(named) >= 6
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "src/debitor/entities" / name).exists(), name
