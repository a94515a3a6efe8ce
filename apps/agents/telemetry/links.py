"""What telemetry has to do with runs: the trace that work is handed out in, and which spans are of it.

Work is handed out with a `traceparent` whose trace is the run's id, or without a run the command run's,
and whose parent span is the first half of the command run's id. So the spans of an agent that goes on
with it name both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q

from apps.agents.models import CommandRun
from apps.agents.telemetry.facts import SpanFacts
from apps.events.conditions import is_of

AT_ONCE = 100
LAST_HALF = "0" * 16, "f" * 16


@dataclass(frozen=True, slots=True)
class Known:
    """Those of the ids asked for that are of the project: runs, and steps with their runs."""

    runs: Collection[UUID] = ()
    steps: dict[UUID, UUID] = field(default_factory=dict)


# Who knows runs: given a project and the ids of runs and of steps, says which there are.
knows_runs: list[Callable[[UUID, Collection[UUID], Collection[UUID]], Known]] = []


@dataclass(slots=True)
class Linked:
    """Spans with the runs they are really of, and which of their traces began with work handed out."""

    facts: Sequence[SpanFacts]
    traces: frozenset[str] = frozenset()


def linked(project_id: UUID, facts: Sequence[SpanFacts]) -> Linked:
    """The same spans, naming runs, steps and command runs of the project only. Four queries at most.

    What continues the trace of a run is of that run, and what was begun for a command run is the top
    of what it shows: its parent is no span of anybody's.
    """
    asked = {trace_id: UUID(trace_id) for fact in facts if _may_be_a_run(trace_id := fact.trace_id)}
    said = {fact.run_id for fact in facts if fact.run_id}
    steps = {fact.step_id for fact in facts if fact.step_id}
    known = _known(project_id, said | set(asked.values()), steps)
    traces = {trace_id: run_id for trace_id, run_id in asked.items() if run_id in known.runs}
    claimed = {fact.command_run_id for fact in facts if fact.command_run_id}
    commands = _commands(project_id, claimed | set(asked.values()))
    own = {(fact.trace_id, fact.span_id) for fact in facts}
    parents = {
        (traces[fact.trace_id], fact.parent_span_id)
        for fact in facts
        if fact.trace_id in traces and fact.parent_span_id
        if (fact.trace_id, fact.parent_span_id) not in own
    }
    handed = _handed(project_id, parents)
    alone = {trace_id: commands[pk] for trace_id, pk in asked.items() if pk in commands}
    handed |= {(trace_id, trace_id[:16]): one for trace_id, one in alone.items()}
    found = [_of(fact, known, traces, commands, handed) for fact in facts]
    return Linked(found, frozenset(traces) | frozenset(alone))


@dataclass(frozen=True, slots=True)
class _Command:
    id: UUID
    run_id: UUID | None
    step_id: UUID | None


_Handed = dict[tuple[str, str], _Command]  # by trace and parent span


def _of(
    fact: SpanFacts,
    known: Known,
    traces: dict[str, UUID],
    commands: dict[UUID, _Command],
    handed: _Handed,
) -> SpanFacts:
    of_trace = traces.get(fact.trace_id)
    given = handed.get((fact.trace_id, fact.parent_span_id))
    command = given or (commands.get(fact.command_run_id) if fact.command_run_id else None)
    run_id = fact.run_id if fact.run_id in known.runs else None
    step_id = fact.step_id if fact.step_id and known.steps.get(fact.step_id) == run_id else None
    if command is not None and run_id in (None, command.run_id):
        run_id, step_id = command.run_id, command.step_id or step_id
    run_id = run_id or of_trace
    links = (run_id, step_id if run_id else None, command.id if command else None)
    parent = "" if given else fact.parent_span_id
    if (*links, parent) == (fact.run_id, fact.step_id, fact.command_run_id, fact.parent_span_id):
        return fact
    return replace(fact, run_id=links[0], step_id=links[1], command_run_id=links[2], parent_span_id=parent)


def _may_be_a_run(trace_id: str) -> bool:
    """Ids of runs are UUIDs of version 8, or 4 if they are older; most ids of traces are neither."""
    return trace_id[12] in "48" and trace_id[16] in "89ab"


def _known(project_id: UUID, runs: Collection[UUID], steps: Collection[UUID]) -> Known:
    if not runs and not steps:
        return Known()
    found = [ask(project_id, runs, steps) for ask in knows_runs]
    return Known(
        {run_id for one in found for run_id in one.runs},
        {step_id: run_id for one in found for step_id, run_id in one.steps.items()},
    )


def _commands(project_id: UUID, ids: Collection[UUID]) -> dict[UUID, _Command]:
    if not ids:
        return {}
    rows = CommandRun.objects.filter(is_of(project_id), pk__in=ids).order_by()
    return {row[0]: _Command(*row) for row in rows.values_list("pk", "run_id", "step_id")}


def _handed(project_id: UUID, parents: Iterable[tuple[UUID, str]]) -> _Handed:
    """The command runs whose ids begin as the parents' do, by run and parent."""
    wanted = sorted(parents)
    found: _Handed = {}
    for some in (wanted[at : at + AT_ONCE] for at in range(0, len(wanted), AT_ONCE)):
        ranges = (
            Q(pk__range=tuple(UUID(parent + half) for half in LAST_HALF), run_id=run_id)
            for run_id, parent in some
        )
        rows = CommandRun.objects.filter(reduce(or_, ranges), is_of(project_id)).order_by()
        for pk, run_id, step_id in rows.values_list("pk", "run_id", "step_id"):
            if run_id is not None:
                found[run_id.hex, pk.hex[:16]] = _Command(pk, run_id, step_id)
    return found
