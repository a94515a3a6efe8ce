"""What people do with schedules: make, change, delete them, and run one now. Firing: `firing.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError

from apps.errors import Conflict, InvalidInput, NotFound
from apps.events import journal
from apps.events.journal import Change
from apps.workflows import cron, inputs, services
from apps.workflows.advance import document_of
from apps.workflows.events import ScheduleChanged
from apps.workflows.models import (
    Misfire,
    Origin,
    Overlap,
    Run,
    Schedule,
    ScheduleTick,
    TickOutcome,
    Workflow,
)
from apps.workflows.record import short

EDITABLE = (
    *("name", "cron", "time_zone", "input", "priority", "enabled"),
    *("misfire", "catch_up_limit", "overlap"),
)
MAX_CATCH_UP = 100
NAME_TAKEN = "another schedule of this project has this name; take another"


def create_schedule(workflow: Workflow, given: Mapping[str, Any], *, by: str = "") -> Schedule:
    """A new schedule of the workflow. `given` holds values of EDITABLE; `name` and `cron` must be
    there. Raises InvalidInput naming each wrong field, Conflict when the workflow has no version."""
    schedule = Schedule(project_id=workflow.project_id, workflow=workflow, created_by=by[:150])
    try:
        with journal.changes(workflow.project_id) as change:
            _fill(schedule, given)
            _plan_ahead(change, schedule)
            schedule.save(force_insert=True)
            record_schedule(change, "schedule.changed", schedule)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return schedule


def change_schedule(schedule: Schedule, given: Mapping[str, Any], *, by: str = "") -> Schedule:
    """Change some of EDITABLE. Whoever changes more than `enabled` answers for its runs from then
    on: they are requested by them. Enabling it makes up for nothing that passed meanwhile.

    Raises InvalidInput naming each wrong field.
    """
    try:
        with journal.changes(schedule.project_id) as change:
            current = _locked(schedule)
            before = {name: getattr(current, name) for name in EDITABLE}
            _fill(current, given)
            changed = {name for name in EDITABLE if getattr(current, name) != before[name]}
            if not changed:
                return current
            if changed != {"enabled"}:
                current.created_by = by[:150]
            if changed & {"cron", "time_zone", "enabled"}:
                _plan_ahead(change, current)
            if changed & {"cron", "time_zone", "enabled", "input"}:
                current.last_problem = ""  # of how it was before somebody mended it
            if not current.enabled or current.overlap != Overlap.QUEUE:
                _drop_queued(current, f"Dropped: the schedule was changed by {by}." if by else "Dropped.")
            current.save()
            record_schedule(change, "schedule.changed", current)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return current


def delete_schedule(schedule: Schedule) -> None:
    """Fire it no more and forget its moments; its runs stay."""
    with journal.changes(schedule.project_id) as change:
        current = _locked(schedule)
        current.enabled, current.next_at = False, None
        record_schedule(change, "schedule.deleted", current)
        current.delete()


def run_now(schedule: Schedule, *, by: str = "", idempotency_key: str | None = None) -> Run:
    """Start a run with the schedule's input at once, beside any that is open. It counts as one of
    the schedule's runs. Raises as `services.start_run`."""
    run, is_new = services.start_run(
        schedule.workflow,
        schedule.input,
        by=by,
        idempotency_key=idempotency_key,
        priority=schedule.priority,
        origin=Origin.SCHEDULE,
        origin_id=schedule.pk,
    )
    if is_new:
        with journal.changes(schedule.project_id) as change:
            ScheduleTick.objects.create(
                schedule=schedule,
                scheduled_for=change.moment(),
                at=change.moment(),
                run=run,
                outcome=TickOutcome.STARTED,
                detail=short(f"Run now by {by}." if by else "Run now.", 300),
            )
            record_schedule(change, "schedule.fired", schedule, TickOutcome.STARTED, run)
    return run


def record_schedule(
    change: Change,
    kind: str,
    schedule: Schedule,
    outcome: TickOutcome | None = None,
    run: Run | None = None,
) -> None:
    """Put the schedule, as it now is, into the journal."""
    change.record(
        kind,
        ScheduleChanged(
            schedule_id=schedule.pk,
            name=schedule.name,
            workflow=schedule.workflow.slug,
            enabled=schedule.enabled,
            next_at=schedule.next_at,
            last_at=schedule.last_at,
            last_problem=schedule.last_problem,
            outcome=outcome,
            run_id=run.pk if run else None,
        ),
    )


def check(schedule: Schedule, workflow: Workflow, given: Mapping[str, Any]) -> None:
    """Whether the values could be saved; the schedule is left as it is. Raises as the verbs do."""
    trial = Schedule(pk=schedule.pk, project_id=workflow.project_id, workflow=workflow)
    trial._state.adding = schedule._state.adding
    _fill(trial, given)


def checked_cron(expression: str, time_zone: str) -> None:
    """Raises InvalidInput naming what of the two is wrong and what to write."""
    try:
        cron.check(expression, time_zone)
    except cron.CronError as error:
        raise InvalidInput({error.field: str(error)}) from None


def _fill(schedule: Schedule, given: Mapping[str, Any]) -> None:
    """Take over what is given and check the whole. Raises InvalidInput and Conflict."""
    for name in EDITABLE:
        if name in given:
            setattr(schedule, name, given[name])
    schedule.name = schedule.name.strip()
    problems: dict[str, str] = {}
    if not schedule.name:
        problems["name"] = "this field is required"
    elif Schedule.objects.filter(project=schedule.project_id, name=schedule.name).exclude(pk=schedule.pk):
        problems["name"] = NAME_TAKEN
    if schedule.misfire not in Misfire:
        problems["misfire"] = f"must be one of {', '.join(Misfire.values)}"
    if schedule.overlap not in Overlap:
        problems["overlap"] = f"must be one of {', '.join(Overlap.values)}"
    if not 1 <= schedule.catch_up_limit <= MAX_CATCH_UP:
        problems["catch_up_limit"] = f"must be from 1 to {MAX_CATCH_UP}"
    if problems:
        raise InvalidInput(problems)
    checked_cron(schedule.cron, schedule.time_zone)
    if schedule._state.adding or "input" in given:
        _check_input(schedule)


def _check_input(schedule: Schedule) -> None:
    """Whether the input fits the workflow as it is today; what is kept is as it was given."""
    if problems := inputs.unstorable(schedule.input):
        raise InvalidInput({inputs.dotted(("input", *one.path)): one.message for one in problems})
    if schedule.workflow.current is None:
        raise Conflict("The workflow has no version yet.")
    services.checked_input(document_of(schedule.workflow.current), schedule.input)


def _plan_ahead(change: Change, schedule: Schedule) -> None:
    """Set the next moment, counted from now."""
    schedule.next_at = None
    if schedule.enabled:
        schedule.next_at = cron.after(schedule.cron, schedule.time_zone, change.moment())


def _drop_queued(schedule: Schedule, why: str) -> None:
    queued = ScheduleTick.objects.filter(schedule=schedule, outcome=TickOutcome.QUEUED)
    queued.update(outcome=TickOutcome.SKIPPED, detail=short(why, 300))


def _locked(schedule: Schedule) -> Schedule:
    """The schedule's newest row. Nothing is locked before it."""
    found = Schedule.objects.select_for_update(of=("self",), no_key=True).select_related("workflow__current")
    current = found.defer("workflow__current__document", "workflow__current__source")
    newest = current.filter(pk=schedule.pk).first()
    if newest is None:
        raise NotFound("The schedule does not exist any more.")
    return newest
