"""The multipart form of a `$batch` (OData 4.0, part 1, section 11.7): MIME parts that hold HTTP requests.

    --b                                       --b
    Content-Type: application/http            Content-Type: multipart/mixed; boundary=c

    GET companies(..)/customers HTTP/1.1      --c
    Accept: application/json                  Content-Type: application/http
                                              Content-ID: 1
    --b--
                                              POST companies(..)/customers HTTP/1.1 ...

A nested multipart is a change set: its parts are kept or undone together, and become one group. Lines may end in
CRLF or LF, and addresses may hold blanks, because clients send both. Every byte is looked at a fixed number of times.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Sequence
from http import HTTPStatus

from debitor.odata.batch_forms import Answer, Part, bad_batch, unnamed

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE).search
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n").search
_REQUEST_LINE = re.compile(r"([A-Za-z]{1,20})[ \t]+(\S.*?)(?:[ \t]+HTTP/\d(?:\.\d)?)?[ \t]*").fullmatch
_MOST_HEADERS = 100
"""Header lines of one part."""
_SAME = frozenset(("", "binary", "8bit", "7bit"))


def is_multipart(content_type: str) -> bool:
    """Whether a content type is that of a multipart batch."""
    return content_type.strip().lower().startswith("multipart/mixed")


def read_multipart(content_type: str, body: bytes, most: int) -> list[Part]:
    """Return the parts of a multipart batch; stops reading after `most` + 1 of them.

    Raises:
        Refused: the body is no multipart batch, or a part is not well formed.
    """
    parts: list[Part] = []
    groups = 0
    for headers, content in _pieces(content_type, body):
        kind = headers.get("content-type", "")
        if is_multipart(kind):
            groups += 1
            group = f"changeset-{groups}"
            for inner, request in _pieces(kind, content):
                if is_multipart(inner.get("content-type", "")):
                    raise bad_batch("a change set cannot hold another one.")
                part = _part(inner, request, len(parts), group)
                if part.method == "GET":
                    raise bad_batch("a change set cannot hold a GET; put it beside the change set.")
                parts.append(part)
                if len(parts) > most:
                    return parts
        else:
            parts.append(_part(headers, content, len(parts), None))
        if len(parts) > most:
            return parts
    return parts


def _pieces(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Return (headers, content) of the MIME parts of a body."""
    found = _BOUNDARY(content_type)
    if found is None:
        raise bad_batch("the content type multipart/mixed names no boundary of 1 to 70 characters.")
    boundary = re.escape((found[1] or found[2]).encode("utf-8", "replace"))
    pieces: list[tuple[dict[str, str], bytes]] = []
    start = -1
    for line in re.finditer(rb"^--" + boundary + rb"(--)?[ \t]*\r?$", body, re.MULTILINE):
        if start >= 0:
            content = body[start : max(start, line.start() - 1)]
            pieces.append(_headed(content[:-1] if content[-1:] == b"\r" else content))
        if line[1]:
            return pieces
        start = line.end() + 1
    raise bad_batch(
        "its last boundary, which ends in two hyphens, is missing."
        if start >= 0
        else "the body does not hold the boundary that its content type names."
    )


def _headed(content: bytes) -> tuple[dict[str, str], bytes]:
    """Cut headers, the blank line and what follows."""
    for blank_line in (b"\r\n", b"\n"):
        if content.startswith(blank_line):
            return {}, content[len(blank_line) :]
    blank = _BLANK(content)
    head, rest = (content, b"") if blank is None else (content[: blank.start()], content[blank.end() :])
    return _headers(head.decode("utf-8", "replace")), rest


def _headers(text: str) -> dict[str, str]:
    lines = text.splitlines()
    if len(lines) > _MOST_HEADERS:
        raise bad_batch(f"a part has more than {_MOST_HEADERS} headers.")
    made: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise bad_batch(f"'{line[:100]}' is no header of a part.")
        made[name.strip().lower()] = value.strip()
    return made


def _part(headers: dict[str, str], content: bytes, at: int, group: str | None) -> Part:
    """Return the request inside a MIME part of type application/http."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/http":
        raise bad_batch(f"the content type of a part is '{kind[:100]}'; application/http is expected.")
    encoding = headers.get("content-transfer-encoding", "").lower()
    if encoding == "base64":
        try:
            content = b64decode(b"".join(content.split()), validate=True)
        except (binascii.Error, ValueError):
            raise bad_batch("a part is not valid base64, as its Content-Transfer-Encoding says.") from None
    elif encoding not in _SAME:
        raise bad_batch(f"the Content-Transfer-Encoding '{encoding[:50]}' is not known; send binary or base64.")
    first, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    line = first.decode("utf-8", "replace").rstrip("\r")
    asked = _REQUEST_LINE(line)
    if asked is None:
        raise bad_batch(f"'{line[:100]}' is no request line, such as GET companies HTTP/1.1.")
    own, body = _headed(rest)
    length = own.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 12:
        body = body[: int(length)]
    id = own.pop("content-id", headers.get("content-id"))
    return Part(asked[1].upper(), asked[2], unnamed(at) if id is None else id, id, own, body, (), group)


# --------------------------------------------------------------------------- answers


def write_multipart(answers: Sequence[Answer], boundary: str) -> bytes:
    """Return the body of a multipart answer.

    The parts of a change set stand in a multipart of their own; one that failed is answered by its error alone.
    """
    lines: list[bytes] = []
    at = 0
    while at < len(answers):
        group = answers[at].part.group
        end = at + 1
        while group is not None and end < len(answers) and answers[end].part.group == group:
            end += 1
        lines.append(f"--{boundary}".encode())
        if group is None:
            lines.extend(_http(answers[at]))
        else:
            failed = [answer for answer in answers[at:end] if answer.status >= 400]
            if failed:
                # The others say only that they were undone because of this one.
                lines.extend(_http(next((a for a in failed if a.status != 424), failed[0])))
            else:
                inner = f"{boundary}_{at}"
                lines.extend((f"Content-Type: multipart/mixed; boundary={inner}".encode(), b""))
                for answer in answers[at:end]:
                    lines.append(f"--{inner}".encode())
                    lines.extend(_http(answer))
                lines.extend((f"--{inner}--".encode(), b""))
        at = end
    lines.extend((f"--{boundary}--".encode(), b""))
    return b"\r\n".join(lines)


def _http(answer: Answer) -> list[bytes]:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if answer.part.id is not None:
        # An id of the JSON form may be any text; a header holds one line.
        lines.append("Content-ID: " + "".join(c for c in answer.part.id if c.isprintable()))
    status = answer.status
    lines.extend(("", f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"))
    lines.extend(f"{name.title()}: {value}" for name, value in answer.headers.items())
    if answer.body:
        lines.append(f"Content-Length: {len(answer.body)}")
    return [*(line.encode() for line in lines), b"", answer.body]
