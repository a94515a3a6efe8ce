"""Which events a webhook can be told of, and how each is said. Plain Python: no Django.

An event is a CloudEvent of type `mc.<kind>`, whose data are the fields that the same event has on
the socket.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from apps.events.kinds import EventBody, rfc3339

TYPE_PREFIX = "mc."
EVERYTHING = "*"
TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Kind:
    """`often`: once or more for every piece of work, so ask for it only if you want that many."""

    name: str
    says: str
    often: bool = False


KINDS = (
    Kind("run.started", "A run of a workflow began or was queued"),
    Kind("run.changed", "A run moved on: its progress, step or status", often=True),
    Kind("run.finished", "A run completed, failed or was cancelled"),
    Kind("step.started", "A step began", often=True),
    Kind("step.waiting", "A step waits for a person, a moment or another run"),
    Kind("step.finished", "A step ended, well or not", often=True),
    Kind("command_run.queued", "An agent was asked to do something", often=True),
    Kind("command_run.started", "An agent took a command run", often=True),
    Kind("command_run.retried", "A command run failed and will be tried again"),
    Kind("command_run.finished", "A command run ended, well or not", often=True),
    Kind("approval.opened", "Somebody has to decide something"),
    Kind("approval.changed", "One of several approvers decided, or a receiver was told"),
    Kind("approval.escalated", "Nobody decided in time and others were asked"),
    Kind("approval.undelivered", "Somebody outside could not be told of a question"),
    Kind("approval.closed", "A question was approved, rejected, expired or withdrawn"),
    Kind("alert.opened", "A rule fired for the first time"),
    Kind("alert.repeated", "A rule fired again while its alert was open"),
    Kind("alert.acknowledged", "Somebody looks after an alert"),
    Kind("alert.resolved", "What an alert was about is over"),
    Kind("agent.added", "An agent joined"),
    Kind("agent.changed", "An agent's status, work or settings changed", often=True),
    Kind("agent.removed", "An agent was removed"),
    Kind("workflow.saved", "A definition has a new version"),
    Kind("workflow.paused", "New work of a workflow is held back"),
    Kind("workflow.resumed", "A workflow goes on"),
    Kind("project.paused", "Everything in the project is held back"),
    Kind("project.resumed", "The project goes on"),
    Kind("schedule.fired", "A schedule's moment came"),
    Kind("trigger.fired", "A signed request reached a trigger"),
)
NAMES = tuple(kind.name for kind in KINDS)
GROUPS = tuple(dict.fromkeys(name.partition(".")[0] for name in NAMES))
# Where a person looks at the subject, by entity.
PAGES = {
    "run": "/runs/{}",
    "command_run": "/command-runs/{}",
    "agent": "/agents/{}",
    "approval": "/approvals",
    "alert": "/alerts",
    "schedule": "/schedules",
    "trigger": "/schedules?tab=triggers",
}


def problem_of(pattern: str) -> str | None:
    """What is wrong with something an endpoint asks for, and what was probably meant."""
    known = (*NAMES, *(f"{group}.*" for group in GROUPS), EVERYTHING)
    if pattern in known:
        return None
    near = get_close_matches(pattern, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(f'{g}.*' for g in GROUPS)} and *"
    return f"{pattern[:60]!r} is no kind of event; {hint}"


def names_in(patterns: Iterable[str]) -> set[str]:
    """The kinds that the patterns stand for: `run.finished`, `run.*` or `*`."""
    wanted = set(patterns)
    if EVERYTHING in wanted:
        return set(NAMES)
    return {name for name in NAMES if name in wanted or f"{name.partition('.')[0]}.*" in wanted}


def subject_of(body: EventBody) -> str:
    return f"{body.entity}/{body.entity_id}" if body.entity_id else body.entity


def envelope(
    kind: str, body: EventBody, *, event_id: str, source: str, at: datetime, own_url: str
) -> dict[str, Any]:
    """The CloudEvent that tells of a journal line. `own_url` is where this installation is reached."""
    data = body.payload()
    del data["type"]  # the socket's word; the event has a type of its own
    if body.entity == "run":  # on the dashboard's wire a run is called a workflow
        data["run_id"] = data.pop("workflow_id")
    if page := PAGES.get(body.entity):
        data["url"] = own_url + page.format(body.entity_id)
    return event(kind, subject_of(body), data, event_id=event_id, source=source, at=at)


def event(
    kind: str, subject: str, data: dict[str, Any], *, event_id: str, source: str, at: datetime
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": TYPE_PREFIX + kind,
        "subject": subject,
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": data,
    }
