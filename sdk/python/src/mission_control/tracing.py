"""Spans of OpenTelemetry that a body makes are of the work it does: its trace is the one handed out with
the work. Nothing is needed for it, and without OpenTelemetry nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def continued(traceparent: str) -> Iterator[None]:
    """Make the trace of that W3C `traceparent` the current one of this thread."""
    try:
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        yield
        return
    token = context.attach(TraceContextTextMapPropagator().extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)
