"""Traces for OpenTelemetry, when the extra `debitor[opentelemetry]` is installed and an endpoint is set.

A request is one span, named by method and route, child of the caller's span when the header `traceparent` names one;
what it waited for in the store is a span inside it. Addresses have ids, never query options.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from debitor import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


class MissingExtra(Exception):
    """The packages of the extra are not installed; the message says how to get them."""


class Tracing:
    """Makes spans.

    Args:
        exporter: where finished spans go.
        at_once: hand each span over when it ends, not in batches.

    Raises:
        MissingExtra: the packages are not there.
    """

    def __init__(self, exporter: SpanExporter, *, at_once: bool = False) -> None:
        from opentelemetry.propagate import get_global_textmap
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode

        about = {"service.name": "debitor", "service.version": __version__}
        self._provider = TracerProvider(resource=Resource.create(about))
        self._provider.add_span_processor(SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("debitor", __version__)
        self._context_of = get_global_textmap().extract
        self._server, self._error = SpanKind.SERVER, Status(StatusCode.ERROR)

    @contextmanager
    def request(self, scope: MutableMapping[str, Any], route: str) -> Iterator[Any]:
        """The span of a request."""
        carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
                   if name in (b"traceparent", b"tracestate")}  # fmt: skip
        with self._tracer.start_as_current_span(
            f"{scope['method'][:20]} {route}",
            context=self._context_of(carried),
            kind=self._server,
            attributes={"http.request.method": scope["method"][:20], "url.path": scope["path"], "http.route": route},
        ) as span:
            yield span

    def answered(self, span: Any, status: int, request_id: str) -> None:
        """Note on a span how its request ended."""
        span.set_attributes({"http.response.status_code": status, "debitor.request_id": request_id})
        if status >= 500:
            span.set_status(self._error)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A span inside the one of the request."""
        with self._tracer.start_as_current_span(name):
            yield

    def close(self) -> None:
        """Hand over what is finished, and end."""
        self._provider.shutdown()


def to_endpoint(endpoint: str) -> Tracing:
    """Return what sends spans to an OTLP endpoint over HTTP, such as `http://127.0.0.1:4318/v1/traces`.

    Raises:
        MissingExtra: the packages are not there.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise MissingExtra(
            "Traces need the packages of debitor[opentelemetry]: opentelemetry-sdk and "
            "opentelemetry-exporter-otlp-proto-http. Install them, or leave otlp_endpoint empty."
        ) from error
    return Tracing(OTLPSpanExporter(endpoint=endpoint))
