"""What expressions see of a step: its status and output, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.workflows.models import Step
from apps.workflows.record import short

COLUMNS = ("key", "status", "output", "error_code", "error", "attempt", "item_errors", "sent_back")
MAX_ERRORS = 100  # of the items of one map
MAX_MESSAGE = 500  # characters of each


def of(row: Step) -> dict[str, Any]:
    """`{status, output, error, errors}`. `error` is null unless the step failed, or has sent the run
    back and is to be done again; `errors` are those of a map's items."""
    return {
        "status": row.status,
        "output": row.output,
        "error": error_of(row) or row.sent_back,
        "errors": row.item_errors or [],
    }


def error_of(row: Step) -> dict[str, Any] | None:
    """`{code, message, attempt}` of a step that failed."""
    if not row.error_code:
        return None
    return {"code": row.error_code, "message": row.error, "attempt": row.attempt}


def errors_of(items: Sequence[Step]) -> list[dict[str, Any]]:
    """`{index, code, message}` of each of the first items that failed, in the order of the list."""
    return [
        {"index": item.map_index, "code": item.error_code, "message": short(item.error, MAX_MESSAGE)}
        for item in items[:MAX_ERRORS]
    ]
