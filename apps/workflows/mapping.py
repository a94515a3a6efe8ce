"""A step that is done for each item of a list: its items are rows, so many of them at work at once.

The end of an item costs the same whatever the number of the others: who is next and whether one is
open are asked of an index. Items that are given up before they began are closed in one statement and
have no journal line of their own; the map's line tells it. The run is locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from apps.errors import InvalidInput
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.workflows import document as documents
from apps.workflows import errands, expressions, seen
from apps.workflows.document_parts import MAX_ITEMS
from apps.workflows.endings import Ending
from apps.workflows.models import STEP_OPEN, Run, Step, StepKind, StepStatus
from apps.workflows.record import record_step, short, swap

if TYPE_CHECKING:
    from apps.workflows.advance import Advance

MAX_RUN_STEPS = 30_000  # with the items of all maps
MAX_LIST = 4 * 1_048_576  # bytes of JSON
MAX_OUTPUT = 8 * 1_048_576
INSERTED_AT_ONCE = 500
OPEN = (StepStatus.PENDING, StepStatus.QUEUED, StepStatus.RUNNING, StepStatus.WAITING)
AT_WORK = (StepStatus.QUEUED, StepStatus.RUNNING, StepStatus.WAITING)
BEGUN = ("attempt", "started_at", "wakes_at")


def begin(advance: Advance, step: Step, mapped: documents.Map, context: dict[str, Any]) -> None:
    """Make a row for each item and start as many as may be at work; a map that is done again with its
    list goes on with the items that are left. Raises ExpressionError and InvalidInput."""
    if not Step.objects.filter(parent=step).exists():
        items = _list(mapped.over, context)
        if advance.run.total_steps + len(items) > MAX_RUN_STEPS:
            raise InvalidInput({"map.over": f"a run has at most {MAX_RUN_STEPS:,} steps with all items"})
        _insert(advance, step, items)
    total = Step.objects.filter(parent=step).count()
    previous = step.status
    step.status, step.wait_reason = StepStatus.RUNNING, ""
    step.attempt = step.earlier_attempts + 1
    step.started_at = now()
    if not swap(step, previous, *BEGUN):
        raise RuntimeError(f"step {step.pk} moved although its run is locked")
    record_step(advance.change, "step.started", step, previous=previous, items=total)
    _start_next(advance, step, mapped.limit)
    _end_if_done(advance, step)


def items_ended(advance: Advance, parent_id: UUID, ended: Sequence[tuple[Step, Ending]]) -> None:
    """Start the next items, or end the map when these were the last, or one was the first that failed."""
    step = Step.objects.get(pk=parent_id)
    if step.is_over:
        return
    if advance.run.is_ending:
        close_emptied(advance)
        return
    mapped = advance.document.by_key[step.key].map
    failed = next(((item, ending) for item, ending in ended if ending.is_failure), None)
    if failed is not None and mapped is not None and mapped.on_item_failure == "fail":
        item, ending = failed
        _tell_errors(step)
        _stop(advance, step)
        code = "timeout" if ending.status == StepStatus.TIMED_OUT else "item_failed"
        said = f"Item {item.map_index + 1} {ending.said}"
        advance.finish(step, Ending(StepStatus.FAILED, code=code, message=said))
    elif _start_next(advance, step, len(ended)) < len(ended):
        _end_if_done(advance, step)


def close_items(run: Run, status: StepStatus, reason: str) -> int:
    """Give up the items of a run that have not begun; returns how many."""
    items = Step.objects.filter(
        one_of("status", STEP_OPEN), run=run, status=StepStatus.PENDING, map_index__gte=0
    )
    return items.update(status=status, wait_reason=reason, completed_at=now(), wakes_at=None)


def close_emptied(advance: Advance) -> None:
    """End the maps of a run that ends, when none of their items is open any more."""
    open_steps = Step.objects.filter(one_of("status", STEP_OPEN), run=advance.run)
    for step in open_steps.filter(status=StepStatus.RUNNING, kind=StepKind.MAP):
        if not _has_open(step):
            said = "The run ended before all items were done."
            advance.end(step, Ending(StepStatus.CANCELLED, code="cancelled", message=said))


def _list(over: str | list[Any], context: dict[str, Any]) -> list[Any]:
    if isinstance(over, str):
        items = expressions.within(over)[0].evaluate(context, limit=MAX_LIST)
    else:
        items = expressions.render(over, context)
    if not isinstance(items, list):
        raise InvalidInput({"map.over": f"must be a list, not {short(orjson.dumps(items).decode(), 100)}"})
    if len(items) > MAX_ITEMS:
        raise InvalidInput({"map.over": f"has {len(items):,} items; a map takes at most {MAX_ITEMS:,}"})
    return items


def _insert(advance: Advance, step: Step, items: list[Any]) -> None:
    body = advance.document.by_key[step.key].body
    Step.objects.bulk_create(
        (
            Step(
                run=advance.run,
                key=step.key,
                map_index=at,
                parent=step,
                item=item,
                index=step.index,
                kind=body,
                name=f"{step.name[:190]} #{at + 1}",
                waits_for=1,
                wait_reason="waiting for its turn",
            )
            for at, item in enumerate(items)
        ),
        batch_size=INSERTED_AT_ONCE,
    )
    advance.run.total_steps += len(items)
    advance.run.open_steps += len(items)


def _start_next(advance: Advance, step: Step, count: int) -> int:
    """Have the first items started that have not begun; returns how many, at most `count`."""
    waiting = Step.objects.filter(parent=step, status=StepStatus.PENDING, waits_for=1)
    items = list(waiting.order_by("map_index")[:count])
    for item in items:
        item.waits_for, item.wait_reason = 0, ""
    if items:
        Step.objects.filter(pk__in=[item.pk for item in items]).update(waits_for=0, wait_reason="")
        advance.make_ready(items)
    return len(items)


def _end_if_done(advance: Advance, step: Step) -> None:
    if not _has_open(step):
        _tell_errors(step)
        advance.finish(step, _gathered(step))


def _tell_errors(step: Step) -> None:
    """Write on the map which of its items failed, if any did."""
    failed = Step.objects.filter(run=step.run_id, key=step.key, map_index__gte=0).exclude(error_code="")
    columns = ("map_index", "error_code", "error")
    errors = seen.errors_of(list(failed.order_by("map_index").only(*columns)[: seen.MAX_ERRORS]))
    step.item_errors = errors or None
    if errors:
        Step.objects.filter(pk=step.pk).update(item_errors=errors)


def _has_open(step: Step) -> bool:
    return any(Step.objects.filter(parent=step, status=status).exists() for status in OPEN)


def _gathered(step: Step) -> Ending:
    """The outputs of the items in their order; null for one that failed, whose error is among the
    map's `item_errors`."""
    found = Step.objects.filter(run=step.run_id, key=step.key, map_index__gte=0)
    outputs = list(found.order_by("map_index").values_list("output", flat=True))
    if len(orjson.dumps(outputs)) > MAX_OUTPUT:
        said = f"The outputs of the items come to more than {MAX_OUTPUT:,} bytes; let each return less."
        return Ending(StepStatus.FAILED, code="output_too_large", message=said)
    return Ending(StepStatus.COMPLETED, output=outputs)


def _stop(advance: Advance, step: Step) -> None:
    """Give up every open item; their command runs and runs are stopped after the commit."""
    advance.forget([step])
    reason = "another item failed"
    waiting = Step.objects.filter(parent=step, status=StepStatus.PENDING)
    advance.run.open_steps -= waiting.update(
        status=StepStatus.SKIPPED, wait_reason=reason, completed_at=now()
    )
    for item in Step.objects.filter(parent=step, status__in=AT_WORK).order_by("map_index"):
        advance.end(item, Ending(StepStatus.CANCELLED, code="cancelled", message="Another item failed."))
    errands.soon(advance.change)
