"""What the reference of the API says of each entity set: a sentence from its file, and recorded requests.

`examples.json` holds recorded requests by operationId (`make examples`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import ModuleType
from typing import Any

import msgspec

from debitor import entities
from debitor.entities import CATALOG

ORIGIN = "{origin}"
"""What the file of examples has where scheme and host of the server belong."""

_SOURCE = re.compile(r"\s*Source:.*?\.al(?:, \S+?\.al)*\.", re.DOTALL)


def about() -> dict[str, str]:
    """Return entity set -> what its file says of it, in one paragraph of Markdown."""
    found: dict[str, str] = {}
    for module in vars(entities).values():
        if isinstance(module, ModuleType) and module.__doc__:
            name, _, told = module.__doc__.partition(": ")
            if name in CATALOG:
                told = " ".join(_SOURCE.sub("", told).split())
                found[name] = told[:1].upper() + told[1:]
    return {name: found[name] for name in CATALOG if name in found}


def examples(origin: str) -> Mapping[str, Mapping[str, Any]]:
    """Return operationId -> a recorded request and its answer (see `odata.openapi.document_of`).

    Args:
        origin: scheme and host of the server, for addresses in the answers.
    """
    raw = files("debitor.entities").joinpath("examples.json").read_bytes()
    made: dict[str, dict[str, Any]] = msgspec.json.decode(raw.replace(ORIGIN.encode(), origin.encode()))
    return made
