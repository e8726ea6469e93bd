"""What headers and query strings say besides the OData options: metadata level, preferences, company, media type."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from debitor.odata.messages import Request
from debitor.odata.payload import Level, shown
from debitor.schema import Refused

READS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that never write."""

URL_SAFE: Final = "/:?#[]@!$&'()*+,;=%-._~"
"""Characters that stand as they are in a Location."""


_PLAIN = re.compile(r"[A-Za-z0-9/:?#@!$&'()*+,;=\-._~]*").fullmatch


def quoted(address: str) -> str:
    """Return an address as a Location header holds it: percent-encoded where it has to be."""
    return address if _PLAIN(address) else quote(address, safe=URL_SAFE)


_TOKENS: Final = frozenset({"$skiptoken", "$deltatoken"})


def level_of(request: Request) -> Level:
    """Return the metadata level that the client asks for, in `$format` or the Accept header."""
    asked = request.headers.get("accept", "")
    if "format" in request.query:
        options = dict(parse_qsl(request.query, keep_blank_values=True))
        asked = options.get("$format", asked)
    if "metadata=" in asked:
        asked = asked.lower().replace(" ", "")
        if "metadata=none" in asked:
            return "none"
        if "metadata=full" in asked:
            return "full"
    return "minimal"


def prefer_of(request: Request) -> dict[str, str]:
    """Return the preferences of the Prefer header: name in lower case -> value ("" when it has none)."""
    said = request.headers.get("prefer")
    if not said:
        return {}
    made: dict[str, str] = {}
    for part in said.replace(";", ",").split(","):
        name, _, value = part.partition("=")
        made.setdefault(name.strip().lower(), value.strip().strip('"'))
    return made


def company_named(request: Request) -> str | None:
    """Return the company that a request names outside its path: `?company=`, or header Company or CompanyId."""
    if "ompany" in request.query or "OMPANY" in request.query:
        for name, value in parse_qsl(request.query):
            if name.lower() in ("company", "companyid"):
                return value
    for name in ("company", "companyid"):
        said = request.headers.get(name)
        if said:
            return unquote(said) if "%" in said else said
    return None


def is_json(content_type: str) -> bool:
    """Whether a content type means JSON in UTF-8."""
    media, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if media != "application/json":
        return False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            return False
    return True


def check_intent(request: Request) -> None:
    """Refuse a `Data-Access-Intent` that is none. What ReadOnly means is the server's affair.

    Raises:
        Refused: 400 for another value than ReadOnly and ReadWrite.
    """
    said = request.headers["data-access-intent"].strip()
    if said.lower() not in ("readonly", "readwrite"):
        raise Refused(
            "BadRequest", f"The Data-Access-Intent '{shown(said)}' is not known; send ReadOnly or ReadWrite."
        )


def question(request: Request) -> list[str]:
    """Return the options of a request as they arrived, without the tokens of this server."""
    return [
        part for part in request.query.split("&") if part and unquote(part.partition("=")[0]).strip() not in _TOKENS
    ]


def next_link(request: Request, token: str, name: str = "$skiptoken") -> str:
    """Return the address of the next page, or of the changes since: the same question, with a token."""
    path = quote(request.path, safe=URL_SAFE.replace("%", "").replace("?", "").replace("#", ""))
    return f"{request.root}/{path}?{'&'.join([*question(request), f'{name}={token}'])}"
