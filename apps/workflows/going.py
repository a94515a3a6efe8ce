"""Where a run goes on when a step failed that says so: back to a step before it, or to one that
handles the failure. The run is locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.workflows import resetting, seen
from apps.workflows.document import Step as Definition
from apps.workflows.endings import FAILURES, GONE_PAST, NOT_GONE_TO, Ending
from apps.workflows.models import Step, StepStatus
from apps.workflows.record import short

if TYPE_CHECKING:
    from apps.workflows.advance import Advance


def go(advance: Advance, step: Step, definition: Definition, ending: Ending) -> None:
    """Go where a failed step says."""
    assert definition.goes_to is not None
    target = advance.document.goes_back(definition)
    if target is None:
        _go_past(advance, step, definition.goes_to.go_to)
    elif step.returns < definition.goes_to.times:
        _go_back(advance, step, target, ending)
    else:
        times = "once" if step.returns == 1 else f"{step.returns} times"
        said = f"Step “{step.name}” {ending.said} The run had gone back {times}."
        advance.fail("step_failed", said)


def is_left_out(advance: Advance, step: Step) -> bool:
    """Whether a ready step runs only when some step goes to it, and none did; so is one that needs
    nothing but such steps."""
    document = advance.document
    if not document.handled:
        return False
    steps = Step.objects.filter(run=advance.run, map_index=-1)
    if step.key in document.handled:
        failed = steps.filter(key__in=document.handled[step.key], status__in=FAILURES)
        return not failed.exists()
    needs = document.graph.needs[step.key]
    if not needs:
        return False
    return not steps.filter(key__in=needs).exclude(wait_reason=NOT_GONE_TO).exists()


def _go_back(advance: Advance, step: Step, target: str, ending: Ending) -> None:
    graph = advance.document.graph
    keys = [key for key in graph.order if key == target or graph.has_before(key, target)]
    steps = list(Step.objects.filter(run=advance.run, key__in=keys, map_index=-1).order_by("index"))
    for one in steps:
        one.returns += one.pk == step.pk
        one.sent_back = seen.error_of(one) if one.pk == step.pk else None
    advance.make_ready(resetting.reset(advance, steps))
    name = advance.document.by_key[target].title
    said = f"Step “{step.name}” {ending.said} Going back to “{name}”."
    advance.run.status_reason = short(said, 300)


def _go_past(advance: Advance, step: Step, target: str) -> None:
    """Leave out what is after the failed step and not after the one that handles it."""
    graph = advance.document.graph
    keys = [
        key
        for key in graph.order
        if graph.has_before(key, step.key) and key != target and not graph.has_before(key, target)
    ]
    left_out = Step.objects.filter(
        run=advance.run, key__in=keys, map_index=-1, status=StepStatus.PENDING
    ).order_by("index")
    for one in list(left_out):
        advance.end(one, Ending(StepStatus.SKIPPED, reason=GONE_PAST))
    advance.free(step.key)
    for key in keys:
        advance.free(key)
