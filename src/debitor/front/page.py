"""The front page: what this server is and where to go on, for people and for programs."""

from __future__ import annotations

from typing import Any

import msgspec

from debitor import __version__
from debitor.odata.messages import Response

API = "/api/v2.0"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>debitor</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; color: #1c2430; }}
  body {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
  h1 {{ margin-bottom: 0; }}
  small, dt {{ color: #5b6675; }}
  dt {{ margin-top: .8rem; }}
  dd {{ margin: 0; }}
  code, pre {{ font: 14px/1.5 ui-monospace, monospace; background: #f2f4f7; }}
  code, pre {{ border-radius: 4px; padding: .1rem .3rem; }}
  pre {{ padding: .8rem; overflow-x: auto; }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #14181e; color: #e6e9ee; }} code, pre {{ background: #222933; }}
    small, dt {{ color: #9aa5b4; }} a {{ color: #8ab4f8; }}
  }}
</style>
<h1>debitor</h1>
<small>version {version} · a receivables server that speaks the Business Central API v2.0</small>
<dl>
  <dt>API root (needs a token or client id and secret)</dt><dd><code>{api}</code></dd>
  <dt>Token endpoint (OAuth 2.0 client credentials)</dt><dd><code>{origin}/default/oauth2/v2.0/token</code></dd>
  <dt>Reference of every address</dt><dd><a href="/docs">/docs</a> · <a href="/openapi.json">/openapi.json</a></dd>
  <dt>Metadata</dt><dd><code>{api}/$metadata</code></dd>
  <dt>OpenID discovery</dt>
  <dd><a href="/default/v2.0/.well-known/openid-configuration">/default/v2.0/.well-known/openid-configuration</a></dd>
  <dt>Health</dt><dd><a href="/healthz">/healthz</a> · <a href="/readyz">/readyz</a></dd>
</dl>
<p>The companies, with the id and secret that the first start showed:</p>
<pre>curl -s -u "$ID:$SECRET" {api}/companies</pre>
</html>
"""


def front_page(origin: str, *, html: bool) -> Response:
    """The page for a browser, or its facts as JSON."""
    facts: dict[str, Any] = {
        "name": "debitor",
        "version": __version__,
        "api": f"{origin}{API}",
        "token": f"{origin}/default/oauth2/v2.0/token",
        "metadata": f"{origin}{API}/$metadata",
        "documentation": f"{origin}/docs",
        "openapi": f"{origin}/openapi.json",
    }
    if not html:
        return Response(200, [("content-type", "application/json")], msgspec.json.encode(facts))
    page = _PAGE.format(origin=origin, api=facts["api"], version=__version__)
    policy = ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    return Response(200, [("content-type", "text/html; charset=utf-8"), policy], page.encode())
