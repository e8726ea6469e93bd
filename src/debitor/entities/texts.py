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
from debitor.entities import receivables, reports_finance
from debitor.schema import EntitySet

ORIGIN = "{origin}"
"""What the file of examples has where scheme and host of the server belong."""

_PACKAGES = (entities, receivables, reports_finance)
"""Where sets are declared; what a later one says of a set goes before what an earlier one says."""
_SOURCE = re.compile(r"\s*Source:.*?\.al(?:, \S+?\.al)*\.", re.DOTALL)


def about(catalog: Mapping[str, EntitySet]) -> dict[str, str]:
    """Return entity set -> what its file says of it, in one paragraph of Markdown."""
    found: dict[str, str] = {}
    packages = [package for package in _PACKAGES if any(of in vars(package).values() for of in catalog.values())]
    for module in (module for package in packages for module in vars(package).values()):
        if isinstance(module, ModuleType) and module.__doc__:
            name, _, told = module.__doc__.partition(": ")
            if name in catalog:
                told = " ".join(_SOURCE.sub("", told).split())
                found[name] = told[:1].upper() + told[1:]
    return {name: found[name] for name in catalog if name in found}


def examples(origin: str) -> Mapping[str, Mapping[str, Any]]:
    """Return operationId -> a recorded request and its answer (see `odata.openapi.document_of`).

    Args:
        origin: scheme and host of the server, for addresses in the answers.
    """
    raw = files("debitor.entities").joinpath("examples.json").read_bytes()
    made: dict[str, dict[str, Any]] = msgspec.json.decode(raw.replace(ORIGIN.encode(), origin.encode()))
    return made
