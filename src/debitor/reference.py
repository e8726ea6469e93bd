"""The reference of this program's APIs: their catalogs and texts, as the pages and documents of `front.reference`."""

from __future__ import annotations

from typing import Any

from debitor import __version__
from debitor.apis import APIS, V2, Api
from debitor.front.reference import PLACEHOLDER, Reference
from debitor.odata.openapi import document_of
from debitor.odata.service import strict_catalog


def openapi_document(*, strict: bool, origin: str, api: Api = V2) -> dict[str, Any]:
    """Return the OpenAPI document of an API.

    Args:
        strict: as the server answers in strict mode.
        origin: scheme and host of the server.
        api: which one.
    """
    from debitor.entities.texts import about, examples

    strict = strict and not api.own
    return document_of(
        strict_catalog(api.catalog) if strict else api.catalog,
        strict=strict,
        root=f"{origin}{api.root}",
        token_url=f"{origin}/default/oauth2/v2.0/token",
        title=api.title,
        summary=api.summary,
        introduction=api.introduction,
        version=__version__,
        about=about(api.catalog),
        examples=examples(origin) if api is V2 else {},
    )


def references_of(*, strict: bool) -> list[Reference]:
    """Return what answers `/openapi.json` and `/docs`, and the like of the other APIs."""

    def reference(api: Api) -> Reference:
        others = {other.place: other.title for other in APIS if other is not api}
        return Reference(
            lambda: openapi_document(strict=strict, origin=PLACEHOLDER, api=api), place=api.place, others=others
        )

    return [reference(api) for api in APIS]
