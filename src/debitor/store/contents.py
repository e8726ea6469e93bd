"""Contents: bytes of any size, kept in the store in parts, so that one backup and one transaction hold everything.

A content never changes. It is written part by part in small transactions, so that an upload of 100 MB keeps nobody
waiting, and belongs to nothing until `keep` says so, in the transaction that also writes the row that names it:

    begin -> append, append, ... -> keep          the bytes are those of an attachment
    begin -> append -> (the client went away)     dropped: nothing names it
    keep  -> ... -> drop                          the attachment was deleted, or has another content

What was dropped, and what was begun and never kept, is removed by `sweep`, some parts at a time. Until then a reader
that is still sending it finds all its parts: reading needs no snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from debitor.schema import BLANK_GUID, BigInt, Bytes, Flag, Guid, Int, Row, record
from debitor.store import Reader, StoreError, Transaction

PART = 256 << 10
"""Bytes of one part; well below a millisecond to read or to write."""
PORTION = 4 * PART
"""Bytes that one `append` brings."""
SWEPT = 16
"""Parts that one `sweep` removes."""
REST = timedelta(hours=1)
"""How long what nothing names is left alone: somebody may still be sending or reading it."""


@record("content", indexes=(("kept",),), tracked=False)
class Content(Row, frozen=True):
    """A content: how many bytes and parts it has so far, and whether a row names it."""

    size: BigInt = 0
    parts: Int = 0
    kept: Flag = False


@record("content_part", key=("content_id", "number"), tracked=False)
class ContentPart(Row, frozen=True):
    """The bytes of a content from `number` * PART on."""

    content_id: Guid
    number: Int
    data: Bytes


def begin(tx: Transaction) -> str:
    """Begin a content. Returns its id."""
    return tx.insert(Content()).id


def append(tx: Transaction, id: str, data: bytes) -> None:
    """Add bytes; all calls but the last bring whole parts.

    Raises:
        StoreError: the content was swept away meanwhile, because nothing was added for long.
    """
    content = _of(tx, id)
    assert content.size % PART == 0, "a short part is the last"
    pieces = [data[at : at + PART] for at in range(0, len(data), PART)]
    tx.insert_many(ContentPart(content_id=id, number=content.parts + n, data=piece) for n, piece in enumerate(pieces))
    tx.update(content, size=content.size + len(data), parts=content.parts + len(pieces))


def keep(tx: Transaction, id: str) -> int:
    """Say that a row names the content from now on. Returns its size in bytes. Raises StoreError as `append`."""
    content = _of(tx, id)
    tx.update(content, kept=True)
    return content.size


def drop(tx: Transaction, ids: Iterable[str]) -> None:
    """Say that nothing names these contents any more; blank ids are no contents."""
    wanted = [id for id in ids if id != BLANK_GUID]
    if wanted:
        tx.update_where(Content, {"kept": False}, id=wanted)


def read(reader: Reader, id: str) -> Iterator[bytes]:
    """Give the bytes of a content, one part at a time.

    Raises:
        StoreError: a part is gone: the content was dropped, and the reader took longer than that is remembered.
    """
    content = reader.get(Content, id)
    for number in range(0 if content is None else content.parts):
        found = reader.values(ContentPart, ("data",), content_id=id, number=number)
        if found is None:
            raise StoreError("The content was deleted while it was being read.")
        data: bytes = found[0]
        yield data


def sweep(tx: Transaction) -> int:
    """Remove parts of one content that nothing has named for `REST`, SWEPT at most.

    Returns:
        How many rows were removed; 0 when there is nothing left to do.
    """
    before = datetime.fromisoformat(tx.now) - REST
    for content in tx.all(Content, kept=False, order=("modified_at",), limit=1):
        if datetime.fromisoformat(content.modified_at).astimezone(UTC) >= before:
            return 0
        numbers = [part.number for part in tx.all(ContentPart, content_id=content.id, limit=SWEPT)]
        removed = tx.delete_where(ContentPart, content_id=content.id, number=numbers) if numbers else 0
        if len(numbers) < SWEPT:
            tx.delete(content)
        return removed + 1
    return 0


def _of(tx: Reader, id: str) -> Content:
    content = tx.get(Content, id)
    if content is None:
        raise StoreError("The upload took too long; send the content again.")
    return content
