"""docs/features: every example is sent as it is printed, and every answer printed there is compared.

A page holds pairs of ```http blocks: a request, then its answer. What varies is written `…`:

    {"id": "…", "amount": 5, …}        any id; other members may be there
    "@odata.etag": "W/\"…\""           any text in that place
    [{"number": "10400", …}, …]        other elements may follow

`{company}` is the id of the demo company, `{basic}` HTTP Basic with the application's id and secret. Comments, which
readers do not see, name what later blocks use, and start the page's server with flags of its own:

    <!-- keep payment = id -->  <!-- keep first = value/0/id -->  <!-- keep tag = header ETag -->
    <!-- server: --limits online -->
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wire.conftest import CLIENT_ID, CLIENT_SECRET, Books, Server, books_of

PAGES = sorted((Path(__file__).parents[2] / "docs" / "features").glob("*.md"))
_PIECE = re.compile(r"```http\n(?P<block>.*?)```|<!--\s*keep (?P<name>\w+) = (?P<path>.*?)\s*-->", re.DOTALL)
_SERVER = re.compile(r"<!--\s*server:\s*(.*?)\s*-->")
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})")
ANY = "…"


@dataclass(frozen=True)
class Message:
    first: str
    headers: list[tuple[str, str]]
    body: str


def message_of(block: str) -> Message:
    head, _, body = block.partition("\n\n")
    first, *lines = head.strip("\n").split("\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Message(first.strip(), headers, body.rstrip("\n"))


def pattern_of(text: str) -> Any:
    """The JSON of an answer, with every bare `…` as a member or a value that matches anything."""
    out: list[str] = []
    stack: list[str] = []
    in_string = escaped = False
    before = ""
    for c in text:
        if in_string:
            in_string = escaped or c != '"'
            escaped = c == "\\" and not escaped
            out.append(c)
            continue
        if c == ANY:
            out.append(f'"{ANY}":true' if stack[-1:] == ["{"] and before in "{," else f'"{ANY}"')
        else:
            out.append(c)
        if c == '"':
            in_string = True
        elif c in "{[":
            stack.append(c)
        elif c in "}]":
            stack.pop()
        if not c.isspace():
            before = c
    return json.loads("".join(out))


def same(wanted: Any, found: Any, at: str = "") -> str:
    """What differs, or an empty text."""
    if isinstance(wanted, str):
        if ANY in wanted and (wanted == ANY or isinstance(found, str)):
            fits = wanted == ANY or re.fullmatch(".*".join(map(re.escape, wanted.split(ANY))), found, re.DOTALL)
            return "" if fits else f"{at}: {found!r} is not {wanted!r}"
    elif isinstance(wanted, dict) and isinstance(found, dict):
        more = wanted.get(ANY, False)
        names = [name for name in wanted if name != ANY]
        missing = [name for name in names if name not in found]
        extra = [] if more else [name for name in found if name not in wanted]
        if missing or extra:
            return f"{at}: missing {missing}, unexpected {extra}"
        return next((d for name in names if (d := same(wanted[name], found[name], f"{at}.{name}"))), "")
    elif isinstance(wanted, list) and isinstance(found, list):
        more = bool(wanted) and wanted[-1] == ANY
        items = wanted[:-1] if more else wanted
        if len(found) < len(items) or (len(found) > len(items) and not more):
            return f"{at}: {len(found)} elements instead of {len(items)}"
        return next(
            (d for i, (w, f) in enumerate(zip(items, found, strict=False)) if (d := same(w, f, f"{at}[{i}]"))), ""
        )
    return (
        ""
        if wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
        else f"{at}: {found!r} is not {wanted!r}"
    )


def pieces(page: Path) -> Iterator[re.Match[str]]:
    return _PIECE.finditer(page.read_text())


def filled(text: str, kept: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: kept.get(m[1], m[0]), text)


def value_at(answer: Any, path: str) -> str:
    kind, _, name = path.partition(" ")
    if kind == "header":
        return str(answer.headers[name])
    found = answer.json()
    for step in path.split("/"):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return str(found)


def walk(books: Books, page: Path) -> int:
    """Send the requests of a page and compare the answers. Returns how many answers were compared."""
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    kept = {"company": books.company_id, "basic": f"Basic {basic}"}
    answer: Any = None
    compared = 0
    for piece in pieces(page):
        if piece["name"]:
            kept[piece["name"]] = value_at(answer, piece["path"])
            continue
        told = message_of(filled(piece["block"], kept))
        status = _STATUS.match(told.first)
        if status is None:
            method, _, address = told.first.partition(" ")
            headers = dict(told.headers)
            if told.body.lstrip()[:1] in ("{", "["):
                headers.setdefault("Content-Type", "application/json")
            body = told.body
            if headers.get("Content-Type", "").startswith("multipart/"):
                body = body.replace("\n", "\r\n") + "\r\n"
            url = address if address.startswith("http") else books.server.origin + address
            answer = books.session.request(method, url, headers=headers, data=body.encode() or None, timeout=60)
            continue
        where = f"{page.name}: {told.first}"
        assert answer.status_code == int(status[1]), f"{where}: {answer.status_code} {answer.text}"
        for name, value in told.headers:
            assert not same(value, answer.headers.get(name)), f"{where}: {name}: {answer.headers.get(name)}"
        if told.body:
            if told.body.lstrip()[:1] in ("{", "["):
                assert not same(pattern_of(told.body), answer.json()), f"{where}\n{answer.text}"
            else:
                text = answer.text.replace("\r\n", "\n").strip()
                assert not same(told.body.strip(), text), f"{where}\n{text}"
        compared += 1
    return compared


@pytest.mark.parametrize("page", PAGES, ids=[p.stem for p in PAGES])
def test_the_examples_of_a_page(page: Path, tmp_path: Path) -> None:
    flags = _SERVER.search(page.read_text())
    own = Server(tmp_path / "page", "--demo", *(flags[1].split() if flags else ()))
    books = books_of(own)
    try:
        assert walk(books, page) >= 1, f"{page.name} shows no answer"
    finally:
        books.session.close()
        own.stop()


def test_the_comparison_can_fail() -> None:
    assert same(pattern_of('{"a": 1, …}'), {"a": 1, "b": 2}) == ""
    assert same(pattern_of('{"a": 1}'), {"a": 1, "b": 2})
    assert same(pattern_of('{"a": 1, …}'), {"a": 2, "b": 2})
    assert same(pattern_of('{"a": …}'), {"b": 2})
    assert same(pattern_of('[{"n": "x…z"}, …]'), [{"n": "xyz"}, 5]) == ""
    assert same(pattern_of('[{"n": "x…z"}]'), [{"n": "xyz"}, 5])
    assert same(pattern_of('{"a": 1}'), {"a": True})
