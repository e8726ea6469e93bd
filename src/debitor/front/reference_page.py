"""The OpenAPI document as HTML pages: an index, a page for each entity set, and search."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --soft: #5b6675; --line: #dde2e9; --well: #f4f6f9;
  --link: #0b57d0; --get: #0b6e4f; --post: #0b57d0; --patch: #8a5a00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14181e; --soft: #9aa5b4; --line: #2c3440;
  --well: #1c222b; --link: #8ab4f8; --get: #6dd3a8; --post: #8ab4f8; --patch: #f0c060; --delete: #f2a19b; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
.frame { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 84rem; margin: 0 auto; }
nav { padding: 1.5rem 1rem; border-right: 1px solid var(--line); font-size: 14px; position: sticky; top: 0;
  height: 100vh; overflow-y: auto; }
nav ul { list-style: none; margin: 1rem 0 0; padding: 0; } nav li { margin: .15rem 0; overflow-wrap: anywhere; }
nav b a { color: var(--ink); } nav [aria-current] { font-weight: 600; }
main { padding: 1.5rem 2.5rem 5rem; min-width: 0; }
input, button { font: inherit; color: inherit; background: var(--well); border: 1px solid var(--line);
  border-radius: 6px; padding: .35rem .6rem; }
form { display: flex; gap: .4rem; margin-top: .8rem; } input { flex: 1; min-width: 0; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; color: var(--soft); font-weight: 600; }
p { max-width: 46rem; } code, pre { font: 13.5px/1.55 ui-monospace, monospace; }
code { background: var(--well); border-radius: 4px; padding: .1rem .25rem; overflow-wrap: anywhere; }
pre { background: var(--well); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow: auto;
  max-height: 32rem; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; }
th { text-align: left; color: var(--soft); font-weight: 600; } th, td { padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } td:first-child { white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
summary { cursor: pointer; padding: .5rem .8rem; overflow-wrap: anywhere; }
details:target { border-color: var(--link); }
details:target::details-content { content-visibility: visible; height: auto; }
details[open] > summary { border-bottom: 1px solid var(--line); } details > div { padding: .2rem 1rem 1rem; }
.verb { display: inline-block; min-width: 4.2rem; font: 600 13px/1.5 ui-monospace, monospace; }
.GET { color: var(--get); } .POST { color: var(--post); } .PATCH { color: var(--patch); }
.PUT { color: var(--patch); } .DELETE { color: var(--delete); } .soft { color: var(--soft); }
@media (max-width: 50rem) { .frame { display: block; } main { padding: 1rem; }
  nav { position: static; height: auto; max-height: 16rem; border-right: 0; border-bottom: 1px solid var(--line); }
  td:first-child { white-space: normal; } }
"""
_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the pages: their own style and nothing else."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div class="frame">
<nav>
<b><a href="{home}">{name}</a></b> <span class="soft">{version}</span>
<form action="{home}"><input type="search" name="search" value="{asked}" aria-label="Search the API"
 placeholder="Search"><button>Find</button></form>
<ul>{links}</ul>
<p class="soft"><a href="{file}">openapi.json</a> · <a href="/">about this server</a></p>
{others}
</nav>
<main>{main}</main>
</div>
</body>
</html>
"""

_VERBS = ("get", "post", "patch", "put", "delete")


def markdown(text: str) -> str:
    """Return a text as HTML: paragraphs, `code` and **strong**, which is all that the document uses."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    return "".join(f"<p>{_inline(part)}</p>" for part in paragraphs)


def _inline(text: str) -> str:
    made = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", made)


class ReferencePages:
    """Makes the pages of one OpenAPI document.

    Args:
        document: as it is served.
        below: what follows `/docs` in the addresses of its pages, and `/openapi` in its own.
        others: further APIs of this server: place -> title.
    """

    def __init__(self, document: Mapping[str, Any], below: str, others: Mapping[str, str]) -> None:
        self._document = document
        self._home, self._file = f"/docs{below}", f"/openapi{below}.json"
        self._others = "".join(
            f'<p class="soft">See also <a href="/docs{"/" + place if place else ""}">{escape(title)}</a></p>'
            for place, title in others.items()
        )
        self._about = {tag["name"]: tag["description"] for tag in document["tags"]}
        self._operations: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {name: [] for name in self._about}
        for path, verbs in document["paths"].items():
            for verb in _VERBS:
                if verb in verbs:
                    self._operations[verbs[verb]["tags"][0]].append((verb.upper(), path, verbs[verb]))
        self.names = frozenset(self._about)
        self._page_of_entity: dict[str, str] = {}
        for name in self._about:
            at = f"/{name}" if name == "companies" else f"/companies({{company_id}})/{name}"
            if listing := document["paths"].get(at):
                schema = listing["get"]["responses"]["200"]["content"]["application/json"]["schema"]
                self._page_of_entity[schema["$ref"].rpartition("/")[2].removesuffix("List")] = name
        self._pages_of: dict[str, list[str]] = {}
        for name, operations in self._operations.items():
            for schema in self._schemas_of(operations):
                self._pages_of.setdefault(schema, []).append(name)

    def index(self) -> bytes:
        """The introduction and all sets."""
        info = self._document["info"]
        rows = "".join(
            f'<tr><td><a href="{self._home}/{name}">{name}</a></td><td>{_inline(_first_sentence(told))}</td></tr>'
            for name, told in self._about.items()
        )
        return self._page(
            escape(self._document["info"]["title"]),
            f"<h1>{escape(info['summary'])}</h1>{markdown(info['description'])}"
            f"<h2>Entity sets</h2><table><tbody>{rows}</tbody></table>",
        )

    def entity_set(self, name: str) -> bytes:
        """One set. `name` is one of `names`."""
        operations = self._operations[name]
        parts = [f"<h1>{name}</h1>", markdown(self._about[name]), "<h2>Operations</h2>"]
        parts += (self._operation(*operation) for operation in operations)
        for schema in self._schemas_of(operations):
            parts.append(f'<h2 id="{schema}">{schema}</h2>')
            parts.append(self._members(self._document["components"]["schemas"][schema]))
        return self._page(f"{name} - {escape(self._document['info']['title'])}", "".join(parts), current=name)

    def search(self, asked: str) -> bytes:
        """The operations and members that have all the words asked for."""
        words = asked.lower().split()
        rows = [
            f"<tr><td>{self._link(tag, operation)}</td><td>{_verb(verb)}<code>{escape(path)}</code></td></tr>"
            for tag, operations in self._operations.items()
            for verb, path, operation in operations
            if all(w in f"{verb} {path} {operation['operationId']} {operation['summary']}".lower() for w in words)
        ]
        members = [
            f'<tr><td><a href="{self._home}/{tag}#{schema}">{schema}</a></td>'
            f"<td><code>{escape(member)}</code></td></tr>"
            for tag, operations in self._operations.items()
            for schema in self._schemas_of(operations)[:1]
            for member in self._document["components"]["schemas"][schema].get("properties", {})
            if all(w in f"{schema} {member}".lower() for w in words)
        ]
        found = f"<h1>{escape(asked)}</h1>"
        for title, hits in (("Operations", rows), ("Members", members)):
            if hits:
                found += f"<h2>{title}</h2><table><tbody>{''.join(hits)}</tbody></table>"
        if not rows and not members:
            found += "<p>Nothing in the reference has these words.</p>"
        return self._page(f"{escape(asked)} - {escape(self._document['info']['title'])}", found, asked=asked)

    def _link(self, tag: str, operation: Mapping[str, Any]) -> str:
        return f'<a href="{self._home}/{tag}#{operation["operationId"]}">{escape(operation["summary"])}</a>'

    def _page(self, title: str, main: str, *, current: str = "", asked: str = "") -> bytes:
        links = "".join(
            f'<li><a href="{self._home}/{name}"{" aria-current=page" if name == current else ""}>{name}</a></li>'
            for name in self._about
        )
        version = escape(self._document["info"]["version"])
        return _PAGE.format(
            title=title,
            style=STYLE,
            home=self._home,
            name=escape(self._document["info"]["title"]),
            file=self._file,
            others=self._others,
            version=version,
            asked=escape(asked),
            links=links,
            main=main,
        ).encode()

    # ---- operations

    def _operation(self, verb: str, path: str, operation: Mapping[str, Any]) -> str:
        parts = [f"<h3>{escape(operation['summary'])}</h3>"]
        if told := operation.get("description"):
            parts.append(markdown(told))
        parameters = [self._resolved(p) for p in operation.get("parameters", ())]
        if parameters:
            rows = "".join(
                f"<tr><td><code>{escape(p['name'])}</code></td><td class=soft>{p['in']}"
                f"{', required' if p.get('required') else ''}</td><td>{_inline(p['description'])}</td></tr>"
                for p in parameters
            )
            parts.append(f"<h3>Parameters</h3><table><tbody>{rows}</tbody></table>")
        if body := operation.get("requestBody"):
            parts.append(f"<h3>Body</h3><p>{self._media(body['content'])}</p>")
        for sample in operation.get("x-codeSamples", ()):
            parts.append(f"<h3>Example</h3><pre>{escape(sample['source'])}</pre>")
            answer = _example(operation["responses"])
            if answer is not None:
                parts.append(f"<pre>{escape(answer)}</pre>")
        parts.append(
            f"<h3>Answers</h3><table><tbody>{''.join(self._answers(operation['responses']))}</tbody></table>"
        )
        return (
            f'<details id="{operation["operationId"]}"><summary>{_verb(verb)}<code>{escape(path)}</code> '
            f"<span class=soft>{operation['operationId']}</span></summary><div>{''.join(parts)}</div></details>"
        )

    def _answers(self, responses: Mapping[str, Any]) -> Iterator[str]:
        for status, response in responses.items():
            told = self._resolved(response)
            media = self._media(told["content"]) if int(status) < 300 and "content" in told else ""
            yield f"<tr><td>{status}</td><td>{_inline(told['description'])} {media}</td></tr>"

    def _media(self, content: Mapping[str, Any]) -> str:
        return ", ".join(f"{escape(kind)}: {self._type(media['schema'])}" for kind, media in content.items())

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in part:
            return part
        _, _, section, name = part["$ref"].split("/")
        found: Mapping[str, Any] = self._document["components"][section][name]
        return found

    # ---- schemas

    def _schemas_of(self, operations: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
        """The schemas that the pages of a set explain: of its own entities, of lists and of what they nest."""
        found: dict[str, None] = {}
        for _, _, operation in operations:
            answers = [r for status, r in operation["responses"].items() if status in ("200", "201")]
            for part in (*answers, operation.get("requestBody", {})):
                for media in part.get("content", {}).values():
                    if "$ref" in media["schema"]:
                        found[media["schema"]["$ref"].rpartition("/")[2]] = None
        lists = [name for name in found if name.endswith("List")]
        # Where entities cannot be addressed one by one, only the list tells of them.
        listed = (name.removesuffix("List") for name in lists)
        found |= dict.fromkeys(name for name in listed if name in self._document["components"]["schemas"])
        return [name for name in found if name not in lists] + lists

    def _members(self, schema: Mapping[str, Any]) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code></td><td>{self._type(member)}</td>"
            f"<td class=soft>{_inline(' '.join(_notes(member)))}</td></tr>"
            for name, member in schema.get("properties", {}).items()
        )
        return f"<table><tbody>{rows}</tbody></table>"

    def _type(self, schema: Mapping[str, Any]) -> str:
        """A type in words. Enums are listed; entities link to their page."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            target = self._document["components"]["schemas"][name]
            if "enum" in target:
                return " ".join(f"<code>{escape(member)}</code>" for member in target["enum"])
            page = self._page_of(name)
            return f'<a href="{self._home}/{page}#{name}">{name}</a>' if page else name
        for way in ("oneOf", "allOf"):
            if way in schema:
                return self._type(schema[way][0])
        if schema.get("type") == "array":
            return f"list of {self._type(schema['items'])}"
        kind = schema.get("type", "any")
        names = [kind] if isinstance(kind, str) else [k for k in kind if k != "null"]
        return escape(schema.get("format") or " or ".join(names))

    def _page_of(self, schema: str) -> str:
        """The set whose page explains a schema, or nothing. Its own set's page, if that does."""
        pages = self._pages_of.get(schema, ())
        for ending in ("", "Create", "Update", "List"):
            if schema.endswith(ending) and (own := self._page_of_entity.get(schema.removesuffix(ending))) in pages:
                return own or ""
        return next(iter(pages), "")


def _notes(member: Mapping[str, Any]) -> Iterator[str]:
    if member.get("readOnly"):
        yield "read only."
    if "maxLength" in member:
        yield f"at most {member['maxLength']} characters."
    if "description" in member:
        yield member["description"]


def _verb(verb: str) -> str:
    return f'<span class="verb {verb}">{verb}</span>'


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.]) (?=[A-Z`])", text, maxsplit=1)[0]


def _example(responses: Mapping[str, Any]) -> str | None:
    for status in ("200", "201"):
        for media in responses.get(status, {}).get("content", {}).values():
            if "example" in media:
                answer = media["example"]
                return answer if isinstance(answer, str) else json.dumps(answer, indent=2, ensure_ascii=False)
    return None
