"""Definitions as people write them: what is wrong with a text, saving it as a version, and using an
old version again. The history of a workflow is a line: nothing in it is changed or left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.accounts.models import Project
from apps.errors import InvalidInput
from apps.workflows import document as documents
from apps.workflows import services
from apps.workflows.document import Document, DocumentError, DocumentProblem
from apps.workflows.models import Workflow, WorkflowVersion
from apps.workflows.services import Applied


class InvalidDefinition(InvalidInput):
    """A text that cannot be saved; `problems` says what is wrong, line by line."""

    def __init__(self, error: DocumentError) -> None:
        errors: dict[str, list[str]] = {}
        for problem in error.problems:
            field = f"source.{problem.path}" if problem.path else "source"
            errors.setdefault(field, []).append(_with_place(problem))
        super().__init__({**errors}, str(error))
        self.members = {"problems": [as_json(problem) for problem in error.problems]}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text came to; it has a document unless it is no workflow at all."""

    document: Document | None
    problems: list[DocumentProblem]


def as_json(problem: DocumentProblem) -> dict[str, str | int | None]:
    return {
        "path": problem.path,
        "message": problem.message,
        "line": problem.line,
        "column": problem.column,
    }


def check(project: Project, source: str, *, slug: str | None = None) -> Checked:
    """Everything that keeps a text from being saved.

    `slug` is that of the workflow it is meant for: it has to stay; "" says that it is to be a new one.
    """
    try:
        document = documents.parse(source)
    except DocumentError as error:
        return Checked(None, error.problems)
    problems: list[DocumentProblem] = []
    try:
        if slug:
            _check_slug(slug, document, source)
        elif slug is not None:
            _check_new(project, document, source)
    except DocumentError as error:
        problems = error.problems
    try:
        services.check_catalogue(project, document, source)
    except DocumentError as error:
        problems = [*problems, *error.problems]
    return Checked(document, DocumentError(problems).problems)


def create(project: Project, source: str, *, by: str) -> Applied:
    """Save a new workflow. Raises InvalidDefinition, and Conflict when there is one with its slug
    and another text."""
    try:
        return services.apply_definition(project, source, by=by, base=0)
    except DocumentError as error:
        raise InvalidDefinition(error) from None


def save(workflow: Workflow, source: str, *, by: str, base: int | None = None) -> Applied:
    """Save the next version of a workflow. `base` is the number of the version it was written from.

    Raises InvalidDefinition, also for another slug, and Conflict when there is a newer version than
    `base` with another text.
    """
    try:
        _check_slug(workflow.slug, documents.parse(source), source)
        return services.apply_definition(workflow.project, source, by=by, base=base)
    except DocumentError as error:
        raise InvalidDefinition(error) from None


def use_again(version: WorkflowVersion, *, by: str) -> Applied:
    """Save an old version's text as the next version. Raises InvalidDefinition when it does not fit
    the project's commands and agents any more."""
    return save(version.workflow, version.source, by=by)


def _check_slug(slug: str, document: Document, source: str) -> None:
    if document.slug != slug:
        said = f"stays {slug!r}; for another slug make a new workflow"
        raise documents.located(source, [(("slug",), said)])


def _check_new(project: Project, document: Document, source: str) -> None:
    if Workflow.objects.filter(project=project, slug=document.slug).exists():
        said = f"there already is a workflow {document.slug!r}: change that one, or take another slug"
        raise documents.located(source, [(("slug",), said)])


def _with_place(problem: DocumentProblem) -> str:
    if problem.line is None:
        return problem.message
    column = f", column {problem.column}" if problem.column is not None else ""
    return f"line {problem.line}{column}: {problem.message}"
