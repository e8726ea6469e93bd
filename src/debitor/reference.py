"""The reference of this program's API: its catalog and texts, as the pages and the document of `front.reference`."""

from __future__ import annotations

from typing import Any

from debitor import __version__
from debitor.entities import CATALOG
from debitor.front.reference import PLACEHOLDER, Reference
from debitor.odata.openapi import document_of
from debitor.odata.service import strict_catalog


def openapi_document(*, strict: bool, origin: str) -> dict[str, Any]:
    """Return the OpenAPI document of a server.

    Args:
        strict: as it answers in strict mode.
        origin: scheme and host of the server.
    """
    from debitor.entities.texts import about, examples

    return document_of(
        strict_catalog(CATALOG) if strict else CATALOG,
        strict=strict,
        origin=origin,
        version=__version__,
        about=about(),
        examples=examples(origin),
    )


def reference_of(*, strict: bool) -> Reference:
    """Return what answers `/openapi.json` and `/docs`."""
    return Reference(lambda: openapi_document(strict=strict, origin=PLACEHOLDER))
