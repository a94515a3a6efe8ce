"""Triggers: addresses to which other systems post signed requests, each of which starts a run.

The secret is derived from the server's SECRET_KEY and stored nowhere; a new `secret_version` makes
another. Whoever has the SECRET_KEY has all of them, and who changes it changes all of them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils.crypto import salted_hmac

from apps.agents import signatures
from apps.errors import Conflict, DomainError, Forbidden, InvalidInput, KeyReused, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change
from apps.workflows import expressions, inputs, services
from apps.workflows.events import TriggerChanged
from apps.workflows.expressions import DELIVERY, ExpressionError
from apps.workflows.models import Origin, Run, Trigger, Workflow
from apps.workflows.record import short

EDITABLE = ("name", "input", "condition", "priority", "enabled")
# What expressions may read of a request's headers; never its signature, nor who else it is for.
HEADERS = frozenset(
    {"content-type", "user-agent", "webhook-id", "webhook-timestamp"}
    | {"x-github-event", "x-github-delivery", "x-github-hook-id", "x-gitea-event", "x-gitlab-event"}
    | {"x-event-key", "x-event-type", "x-request-id", "ce-id", "ce-type", "ce-source", "ce-subject"}
)

NAME_TAKEN = "another trigger of this project has this name; take another"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that was signed: `id` names it over redeliveries, header names are lower-case."""

    id: str
    body: Any
    headers: Mapping[str, str]
    query: Mapping[str, str]


def create_trigger(workflow: Workflow, given: Mapping[str, Any], *, by: str = "") -> Trigger:
    """A new trigger of the workflow. `given` holds values of EDITABLE; `name` must be there.
    Raises InvalidInput naming each wrong field."""
    trigger = Trigger(project_id=workflow.project_id, workflow=workflow, created_by=by[:150])
    try:
        with journal.changes(workflow.project_id) as change:
            _fill(trigger, given)
            trigger.save(force_insert=True)
            _record(change, "trigger.changed", trigger)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return trigger


def change_trigger(trigger: Trigger, given: Mapping[str, Any], *, by: str = "") -> Trigger:
    """Change some of EDITABLE. Whoever changes more than `enabled` answers for its runs from then
    on: they are requested by them. Raises InvalidInput naming each wrong field."""
    try:
        with journal.changes(trigger.project_id) as change:
            current = _locked(trigger)
            before = {name: getattr(current, name) for name in EDITABLE}
            _fill(current, given)
            changed = {name for name in EDITABLE if getattr(current, name) != before[name]}
            if not changed:
                return current
            if changed != {"enabled"}:
                current.created_by = by[:150]
            current.save()
            _record(change, "trigger.changed", current)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return current


def rotate_secret(trigger: Trigger, *, overlap: timedelta = timedelta(0)) -> Trigger:
    """Give it another secret; the one before is good until `overlap` has passed, any older one no more."""
    with journal.changes(trigger.project_id) as change:
        current = _locked(trigger)
        current.secret_version += 1
        current.old_secret_until = change.moment() + overlap if overlap else None
        current.save(update_fields=["secret_version", "old_secret_until"])
        _record(change, "trigger.changed", current)
    return current


def delete_trigger(trigger: Trigger) -> None:
    """Answer its address no more; its runs stay."""
    with journal.changes(trigger.project_id) as change:
        current = _locked(trigger)
        current.enabled = False
        _record(change, "trigger.deleted", current)
        current.delete()


def check(trigger: Trigger, workflow: Workflow, given: Mapping[str, Any]) -> None:
    """Whether the values could be saved; the trigger is left as it is. Raises as the verbs do."""
    _fill(Trigger(pk=trigger.pk, project_id=workflow.project_id, workflow=workflow), given)


def secret_of(trigger: Trigger) -> str:
    """The secret its senders sign with: `whsec_…`."""
    return _secret(trigger.pk, trigger.secret_version)


def signed_by(trigger_id: UUID, headers: Mapping[str, str], body: bytes) -> tuple[Trigger, str] | None:
    """The trigger and the id of a delivery that is signed with its secret; None for everything
    else, whatever is wrong with it. Reads one row."""
    delivery_id = signatures.delivery_id(headers)
    if delivery_id is None:
        return None
    trigger = Trigger.objects.select_related("workflow").filter(pk=trigger_id).first()
    # An address that leads nowhere costs as much as one with a wrong signature.
    secrets = _good_secrets(trigger) if trigger else [_secret(trigger_id, 1)]
    at = time.time()
    if not any(signatures.is_signed(secret, headers, body, at) for secret in secrets) or trigger is None:
        return None
    return trigger, delivery_id


def receive(trigger: Trigger, delivery: Delivery) -> Run | None:
    """Start the run of a signed delivery, or find the one that this delivery already started; None
    when the condition says no.

    Raises Forbidden while the trigger is disabled, and InvalidInput or Conflict when its run cannot
    start; what came of it is written on the trigger.
    """
    if not trigger.enabled:
        raise Forbidden("The trigger is disabled.")
    key = _run_key(trigger, delivery.id)
    known = Run.objects.filter(project=trigger.project_id, idempotency_key=key).first()
    if known is not None:
        return known
    try:
        run = _start(trigger, delivery, key)
    except DomainError as error:
        _note(trigger, f"refused: {error}")
        raise
    _note(trigger, f"started {run}" if run else "the condition was false", run)
    return run


def _start(trigger: Trigger, delivery: Delivery, key: str) -> Run | None:
    if problems := inputs.unstorable(delivery.body):
        raise InvalidInput({inputs.dotted(("body", *one.path)): one.message for one in problems})
    context = {
        "body": delivery.body,
        "headers": {name: said for name, said in delivery.headers.items() if name in HEADERS},
        "query": dict(delivery.query),
    }
    if not _is_wanted(trigger, context):
        return None
    try:
        run, _ = services.start_run(
            trigger.workflow,
            _input(trigger, context),
            by=trigger.created_by,
            idempotency_key=key,
            priority=trigger.priority,
            origin=Origin.TRIGGER,
            origin_id=trigger.pk,
        )
    except KeyReused:  # it came twice at once, and the trigger was changed in between
        return Run.objects.get(project=trigger.project_id, idempotency_key=key)
    return run


def _is_wanted(trigger: Trigger, context: Mapping[str, Any]) -> bool:
    if not trigger.condition:
        return True
    try:
        return expressions.is_true(trigger.condition, context, DELIVERY)
    except ExpressionError as error:
        raise InvalidInput({"condition": str(error)}) from None


def _input(trigger: Trigger, context: Mapping[str, Any]) -> dict[str, Any]:
    """The run's input: the rendered mapping, or the body itself where there is none."""
    if not trigger.input:
        body = context["body"]
        if not isinstance(body, dict):
            raise InvalidInput({"body": "must be a JSON object; the trigger has no input mapping"})
        return body
    try:
        rendered: dict[str, Any] = expressions.render(trigger.input, context, DELIVERY)
    except ExpressionError as error:
        raise InvalidInput({"input": str(error)}) from None
    return rendered


def _note(trigger: Trigger, said: str, run: Run | None = None) -> None:
    """Write what came of the newest delivery on the trigger."""
    with journal.changes(trigger.project_id) as change:
        found = {"last_at": change.moment(), "last_result": short(said, 300)}
        if Trigger.objects.filter(pk=trigger.pk).update(**found):
            trigger.refresh_from_db()
            _record(change, "trigger.fired", trigger, run)


def _fill(trigger: Trigger, given: Mapping[str, Any]) -> None:
    """Take over what is given and check the whole. Raises InvalidInput and Conflict."""
    for name in EDITABLE:
        if name in given:
            setattr(trigger, name, given[name])
    trigger.name, trigger.condition = trigger.name.strip(), trigger.condition.strip()
    problems: dict[str, str] = {}
    if not trigger.name:
        problems["name"] = "this field is required"
    elif Trigger.objects.filter(project=trigger.project_id, name=trigger.name).exclude(pk=trigger.pk):
        problems["name"] = NAME_TAKEN
    if trigger.condition:
        try:
            expressions.condition(trigger.condition, DELIVERY)
        except ExpressionError as error:
            problems["condition"] = str(error)
    unstorable = inputs.unstorable(trigger.input)
    problems |= {inputs.dotted(("input", *one.path)): one.message for one in unstorable}
    for path, text in expressions.templates({} if unstorable else trigger.input):
        try:
            expressions.compile_text(text, DELIVERY)
        except ExpressionError as error:
            problems[inputs.dotted(("input", *path))] = str(error)
    if problems:
        raise InvalidInput(problems)
    if trigger.workflow.current_id is None:
        raise Conflict("The workflow has no version yet.")


def _locked(trigger: Trigger) -> Trigger:
    """The trigger's newest row. Nothing is locked before it."""
    found = Trigger.objects.select_for_update(of=("self",), no_key=True).select_related("workflow")
    current = found.filter(pk=trigger.pk).first()
    if current is None:
        raise NotFound("The trigger does not exist any more.")
    return current


def _good_secrets(trigger: Trigger) -> list[str]:
    """The newest, and during the overlap the one before."""
    secrets = [secret_of(trigger)]
    if trigger.old_secret_until is not None and now() < trigger.old_secret_until:
        secrets.append(_secret(trigger.pk, trigger.secret_version - 1))
    return secrets


def _secret(trigger_id: UUID, version: int) -> str:
    key = salted_hmac("apps.workflows.trigger", f"{trigger_id}:{version}", algorithm="sha256").digest()
    return signatures.secret_text(key)


def _run_key(trigger: Trigger, delivery_id: str) -> str:
    """The run's idempotency key: one run for each delivery of one trigger."""
    digest = hashlib.sha256(delivery_id.encode()).hexdigest()
    return f"trigger:{trigger.pk}:{delivery_id if len(delivery_id) <= 100 else digest}"


def _record(change: Change, kind: str, trigger: Trigger, run: Run | None = None) -> None:
    change.record(
        kind,
        TriggerChanged(
            trigger_id=trigger.pk,
            name=trigger.name,
            workflow=trigger.workflow.slug,
            enabled=trigger.enabled,
            last_at=trigger.last_at,
            last_result=trigger.last_result,
            run_id=run.pk if run else None,
        ),
    )
