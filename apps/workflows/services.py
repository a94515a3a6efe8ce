"""The verbs of workflows: save a definition, start a run, cancel a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError

from apps.accounts.models import Project
from apps.agents import holds
from apps.agents.models import Agent, Command
from apps.agents.services import body_hash
from apps.errors import Conflict, InvalidInput, KeyReused, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change
from apps.events.kinds import rfc3339
from apps.workflows import document as documents
from apps.workflows import inputs, limits, resetting, stopping
from apps.workflows.advance import Advance, document_of, run_facts
from apps.workflows.document import Document
from apps.workflows.models import Origin, Run, RunData, RunStatus, Step, Workflow, WorkflowVersion
from apps.workflows.record import record_run, record_saved

LIBRARY = Path(__file__).parent / "library"
MAX_INPUT = 1_048_576  # bytes of JSON
STOP_AT_ONCE = 50  # command runs cancelled within the request; the sweep does the rest


@dataclass(frozen=True, slots=True)
class Applied:
    """What saving a definition came to."""

    workflow: Workflow
    version: WorkflowVersion
    is_new_workflow: bool
    is_new_version: bool


def apply_definition(
    project: Project,
    source: str,
    *,
    by: str = "",
    base: int | None = None,
    beside: Mapping[str, Document] | None = None,
) -> Applied:
    """Save a definition as the current version of the workflow with its slug.

    The text of the current version makes no new one; another text does, although it may differ in
    comments only: they are kept with the rest. `base` is the number of
    the version it was written from, 0 when there was none; `beside` are documents that are saved
    with it, by slug. Raises DocumentError, and Conflict naming who saved another version since.
    """
    document = documents.parse(source)
    check_catalogue(project, document, source, beside=beside)
    checksum = documents.checksum(document)
    with journal.changes(project.pk) as change:
        workflow, is_new = Workflow.objects.get_or_create(
            project=project, slug=document.slug, defaults={"name": document.name}
        )
        workflow = Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
        newest = workflow.versions.order_by("-number").first()
        if (
            newest is not None
            and workflow.current_id == newest.pk
            and documents.same_text(newest.source, source)
        ):
            return Applied(workflow, newest, False, False)
        if base is not None and newest is not None and newest.number != base:
            raise _overtaken(workflow, newest, base)
        version = WorkflowVersion.objects.create(
            workflow=workflow,
            number=newest.number + 1 if newest else 1,
            document=document.dump(),
            source=source,
            checksum=checksum,
            created_by=by[:150],
        )
        workflow.current = version
        workflow.name, workflow.description = document.name, document.description
        workflow.save(update_fields=["current", "name", "description"])
        record_saved(change, version)
        return Applied(workflow, version, is_new, True)


def check_catalogue(
    project: Project, document: Document, source: str, *, beside: Mapping[str, Document] | None = None
) -> None:
    """Whether the commands, agents and workflows of a document exist and fit. `beside` are documents
    that are about to be saved with it, by slug. Raises DocumentError."""
    commands = {command.name: command for command in Command.objects.filter(project=project)}
    agents = {agent.slug: agent for agent in Agent.objects.filter(project=project)}
    found: list[tuple[tuple[str | int, ...], str]] = []
    for index, step in enumerate(document.steps):
        if len(found) >= documents.MAX_PROBLEMS:
            break
        here = ("steps", index)
        if step.workflow is not None:
            found += [((*here, *path), said) for path, said in _misfitting_workflow(project, step, beside)]
        if step.command is None:
            continue
        command = commands.get(step.command)
        if command is None:
            found.append(
                ((*here, "command"), f"there is no command {step.command!r}{_near(step.command, commands)}")
            )
            continue
        found += [((*here, *path), said) for path, said in _misfits(step, command.name, command.parameters)]
        if step.agent is None:
            continue
        agent = agents.get(step.agent)
        if agent is None:
            found.append(((*here, "agent"), f"there is no agent {step.agent!r}{_near(step.agent, agents)}"))
        elif command.capability not in agent.capabilities:
            said = f"{step.agent!r} lacks the capability {command.capability!r} that {step.command!r} needs"
            found.append(((*here, "agent"), said))
    if found:
        raise documents.located(source, found)


def install_library(project: Project, folder: Path = LIBRARY) -> list[Workflow]:
    """Save the workflows that come with the product, those whose slug the project does not have yet.

    What somebody changed or made stays as it is. Raises DocumentError.
    """
    installed = []
    known = set(Workflow.objects.filter(project=project).values_list("slug", flat=True))
    for path in sorted(folder.glob("*.yaml")):
        source = path.read_text(encoding="utf-8")
        if documents.parse(source).slug not in known:
            installed.append(apply_definition(project, source, by="library").workflow)
    return installed


def start_run(
    workflow: Workflow,
    value: dict[str, Any],
    *,
    by: str = "",
    idempotency_key: str | None = None,
    priority: int = 0,
    origin: Origin = Origin.USER,
    origin_id: UUID | None = None,
    depth: int = 0,
    parent_run_id: UUID | None = None,
) -> tuple[Run, bool]:
    """Start a run of the workflow's current version; returns it and whether it is new.

    A run for which there is no place is queued and says what it waits for.

    Raises InvalidInput naming each wrong field, KeyReused when the key came with another body, and
    Conflict when the workflow has no version or takes no more runs. The same key and body give the
    run that exists.
    """
    if problems := inputs.unstorable(value):
        raise _invalid(problems)
    asked = _Asked(by, priority, idempotency_key, origin, origin_id, depth, parent_run_id)
    limited = limits.concern(workflow.current_id)
    start = partial(_start_run, workflow, value, asked, limited)
    try:
        return start()
    except IntegrityError:
        if idempotency_key is None:
            raise
        return start()  # two requests with one key raced; the loser finds the winner's run


def cancel_run(run: Run, *, by: str = "") -> Run:
    """T10: start nothing more, cancel what waits, tell what runs. Asking twice is the same.

    Raises Conflict when the run is over.
    """
    with journal.changes(run.project_id) as change:
        advance = Advance.hold(change, run.pk)
        if advance is None:
            raise NotFound("The run does not exist any more.")
        if advance.run.is_over:
            raise Conflict(f"The run is over ({advance.run.status}).")
        if not advance.run.cancel_requested:
            advance.cancel(f"Cancelled by {by}." if by else "Cancelled.")
            advance.settle()
    stopping.stop_command_runs(run.pk, limit=STOP_AT_ONCE)
    run.refresh_from_db()
    return run


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who or what asks for a run, and how urgent it is."""

    by: str
    priority: int
    idempotency_key: str | None
    origin: Origin
    origin_id: UUID | None
    depth: int
    parent_run_id: UUID | None


def _start_run(workflow: Workflow, value: dict[str, Any], asked: _Asked, limited: bool) -> tuple[Run, bool]:
    with journal.changes(workflow.project_id) as change:
        if limited:
            holds.lock(change.project_id)
        locked = _locked(workflow)
        fingerprint = ""
        if asked.idempotency_key is not None:
            fingerprint = body_hash([locked.slug, value])
            existing = _existing(change, asked.idempotency_key, fingerprint)
            if existing is not None:
                return existing, False
        if locked.current is None:
            raise Conflict("The workflow has no version yet.")
        document = document_of(locked.current)
        if document.concurrency is not None and not limited:
            raise Conflict("The workflow was saved anew at this moment; start it again.")
        given = checked_input(document, value)
        run = _new_run(locked, document, asked, given, fingerprint)
        if limited:
            limits.queue(run)
        run.save(force_insert=True)
        RunData.objects.create(run=run, input=given)
        steps = Step.objects.bulk_create(_steps(run, document))
        record_run(change, "run.started", run, previous=None)
        if limited:
            limits.admit(change, run)
            run.refresh_from_db()
            return run, True
        advance = Advance(change, run, document)
        advance.begin(steps)
        advance.settle()
        return run, True


def _new_run(
    workflow: Workflow, document: Document, asked: _Asked, given: dict[str, Any], fingerprint: str
) -> Run:
    """A run under the workflow's next number; the workflow is locked."""
    workflow.run_count += 1
    workflow.save(update_fields=["run_count"])
    moment = now()
    run = Run(
        project_id=workflow.project_id,
        workflow=workflow,
        version=workflow.current,
        number=workflow.run_count,
        name=document.name,
        status=RunStatus.RUNNING,
        total_steps=len(document.steps),
        open_steps=len(document.steps),
        priority=asked.priority,
        origin=asked.origin,
        origin_id=asked.origin_id,
        depth=asked.depth,
        parent_run_id=asked.parent_run_id,
        requested_by=asked.by[:150],
        idempotency_key=asked.idempotency_key,
        idempotency_hash=fingerprint,
        created_at=moment,
        started_at=moment,
        deadline_at=limits.deadline(document, moment),
    )
    run.concurrency_key = limits.key_of(document, {"input": given, "run": run_facts(run)})
    return run


def _locked(workflow: Workflow) -> Workflow:
    return (
        Workflow.objects.select_for_update(of=("self",), no_key=True)
        .select_related("current")
        .defer("current__document", "current__source")
        .get(pk=workflow.pk)
    )


def _existing(change: Change, key: str, fingerprint: str) -> Run | None:
    existing = (
        Run.objects.select_related("workflow", "version")
        .filter(project_id=change.project_id, idempotency_key=key)
        .first()
    )
    if existing is not None and existing.idempotency_hash != fingerprint:
        raise KeyReused("Use a new Idempotency-Key, or send the same body again.")
    return existing


def checked_input(document: Document, value: dict[str, Any]) -> dict[str, Any]:
    """The input with its defaults filled in. Raises InvalidInput naming each wrong field."""
    given = inputs.with_defaults(document.input, value)
    problems = inputs.value_problems(document.input, given)
    if not problems and len(orjson.dumps(given)) > MAX_INPUT:
        raise InvalidInput({"input": f"is larger than {MAX_INPUT:,} bytes; pass a reference instead"})
    if problems:
        raise _invalid(problems)
    return given


def _invalid(problems: list[inputs.Problem]) -> InvalidInput:
    return InvalidInput({inputs.dotted(("input", *problem.path)): problem.message for problem in problems})


def _steps(run: Run, document: Document) -> list[Step]:
    graph = document.graph
    return [
        Step(
            run=run,
            key=key,
            index=graph.index[key],
            kind=document.by_key[key].kind,
            name=document.by_key[key].title,
            waits_for=len(graph.needs[key]),
            wait_reason=resetting.waits_for(document, key),
        )
        for key in graph.order
    ]


def _overtaken(workflow: Workflow, newest: WorkflowVersion, base: int) -> Conflict:
    when = rfc3339(newest.created_at)
    saved = f"version {newest.number}, saved by {newest.created_by or 'somebody'} at {when}"
    said = f"There already is a workflow {workflow.slug!r}: {saved}. Change that one, or take another slug."
    if base:
        said = f"This was written from version {base}, but there is {saved}. Compare them, then save again."
    return Conflict(said, current={"number": newest.number, "by": newest.created_by, "at": when})


def _misfits(
    step: documents.Step, name: str, parameters: Mapping[str, Any]
) -> list[tuple[tuple[str, ...], str]]:
    """Parameters that a step leaves out or makes up, as far as the names tell."""
    properties = parameters.get("properties", {})
    found: list[tuple[tuple[str, ...], str]] = []
    for wanted in parameters.get("required", []):
        if wanted not in step.with_ and "default" not in properties.get(wanted, {}):
            found.append((("with",), f"{name!r} needs {wanted!r}"))
    if parameters.get("additionalProperties") is False:
        for given in step.with_:
            if given not in properties:
                known = ", ".join(properties) or "none"
                found.append((("with", given), f"{name!r} has no parameter {given!r}; it has: {known}"))
    return found


def _misfitting_workflow(
    project: Project, step: documents.Step, beside: Mapping[str, Document] | None
) -> list[tuple[tuple[str, ...], str]]:
    slug = step.workflow or ""
    if beside is not None and slug in beside:
        return _misfits(step, slug, beside[slug].input)
    known = Workflow.objects.filter(project=project, current__isnull=False)
    workflow = known.filter(slug=slug).select_related("current").first()
    if workflow is None or workflow.current is None:
        slugs = known.values_list("slug", flat=True)
        return [(("workflow",), f"there is no workflow {slug!r}{_near(slug, slugs)}")]
    return _misfits(step, slug, document_of(workflow.current).input)


def _near(word: str, known: Any) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
