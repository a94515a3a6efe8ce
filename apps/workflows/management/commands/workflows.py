"""Keeps workflow definitions in files: `manage.py workflows validate|diff|apply|export DIR`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Project
from apps.accounts.services import DEFAULT_PROJECT_SLUG
from apps.events import journal
from apps.workflows import differences, services
from apps.workflows import document as documents
from apps.workflows.advance import document_of
from apps.workflows.document import Document, DocumentError
from apps.workflows.models import Workflow

SUFFIXES = (".yaml", ".yml", ".json")
DIFFERENT, WRONG = 1, 2  # how `diff` ends; 0 when there is nothing to apply
Definitions = dict[Path, tuple[str, Document]]


class Command(BaseCommand):
    requires_system_checks = []  # definitions are checked in pipelines that have no settings
    _wrong = 1  # how an error ends the command
    help = "Validate, compare, apply or export workflow definitions, one file each, or print their schema."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, said in (
            ("validate", "Check the definitions in DIR; with --project also that commands and agents exist."),
            ("diff", "Show what apply would change. Ends with 0 for nothing, 1 for something, 2 for errors."),
            ("apply", "Save the definitions in DIR as current versions: all of them or none."),
            (
                "export",
                "Write the current definitions of the project into DIR, as they were written. "
                "A file with the same text is left as it is.",
            ),
        ):
            action = actions.add_parser(name, help=said, description=said)
            action.add_argument("dir", type=Path, metavar="DIR")
            default = None if name == "validate" else DEFAULT_PROJECT_SLUG
            action.add_argument("--project", default=default, help="The slug of a project")
        actions.add_parser("schema", help="Print the JSON Schema of a definition.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "diff":
            self._wrong = WRONG
        if options["action"] == "schema":
            self.stdout.write(json.dumps(documents.json_schema(), indent=2))
            return
        project = self._project(options["project"]) if options["project"] else None
        folder: Path = options["dir"]
        if options["action"] == "export":
            assert project is not None
            self._export(project, folder)
            return
        definitions = self._checked(folder, project)
        if options["action"] == "validate":
            self.stdout.write(f"{len(definitions)} valid")
            return
        assert project is not None
        if options["action"] == "apply":
            self._apply(project, definitions)
        elif self._diff(project, definitions):
            raise SystemExit(DIFFERENT)

    def _project(self, slug: str) -> Project:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            raise self._error(f"There is no project {slug!r}. Name one with --project.")
        return project

    def _error(self, said: str) -> CommandError:
        return CommandError(said, returncode=self._wrong)

    def _checked(self, folder: Path, project: Project | None) -> Definitions:
        """The definitions and their texts; ends the command when one of them is wrong."""
        if not folder.is_dir():
            raise self._error(f"{folder} is not a directory.")
        paths = _files(folder)
        if not paths:
            raise self._error(f"{folder} holds no {', '.join(SUFFIXES)} file.")
        found: Definitions = {}
        by_slug: dict[str, Path] = {}
        wrong: set[Path] = set()
        for path in paths:
            try:
                source = path.read_text(encoding="utf-8")
                document = documents.parse(source)
            except UnicodeDecodeError:
                self.stderr.write(f"{path}: is not UTF-8 text")
                wrong.add(path)
                continue
            except DocumentError as error:
                self._complain(path, error)
                wrong.add(path)
                continue
            found[path] = source, document
            if self._is_twice(path, document, by_slug):
                wrong.add(path)
        if project is not None:
            wrong |= self._misfits(project, found)
        if wrong:
            raise self._error(f"{len(wrong)} of {len(paths)} definitions are wrong; nothing was changed.")
        return found

    def _misfits(self, project: Project, definitions: Definitions) -> set[Path]:
        """The files whose commands, agents or workflows the project does not have."""
        wrong: set[Path] = set()
        beside = _by_slug(definitions)
        for path, (source, document) in definitions.items():
            try:
                services.check_catalogue(project, document, source, beside=beside)
            except DocumentError as error:
                self._complain(path, error)
                wrong.add(path)
        return wrong

    def _is_twice(self, path: Path, document: Document, by_slug: dict[str, Path]) -> bool:
        first = by_slug.setdefault(document.slug, path)
        if first != path:
            self.stderr.write(f"{path}: slug: {document.slug!r} is already the slug of {first}")
        return first != path

    def _complain(self, path: Path, error: DocumentError) -> None:
        for problem in error.problems:
            place = f"{path}:{problem.line}" if problem.line else str(path)
            said = f"{problem.path}: {problem.message}" if problem.path else problem.message
            self.stderr.write(f"{place}: {said}")

    def _apply(self, project: Project, definitions: Definitions) -> None:
        beside = _by_slug(definitions)
        with journal.changes(project.pk):
            applied = [
                services.apply_definition(project, source, by="manage.py", beside=beside)
                for source, _ in definitions.values()
            ]
        for one in applied:
            word = "new" if one.is_new_workflow else "changed" if one.is_new_version else "unchanged"
            self.stdout.write(f"{one.workflow.slug} v{one.version.number} {word}")

    def _diff(self, project: Project, definitions: Definitions) -> bool:
        """Print what applying would change; whether that is anything."""
        current = {workflow.slug: workflow for workflow in _current(project)}
        different = False
        for path, (source, document) in definitions.items():
            version = current[document.slug].current if document.slug in current else None
            if version is not None and documents.same_text(version.source, source):
                continue
            different = True
            word = f"v{version.number} changed" if version else "new"
            self.stdout.write(f"{document.slug} {word}")
            before = document_of(version) if version else None
            summary = differences.between(before, document).summary() if before else []
            if before and not summary:
                summary = ["comments or layout only"]
            for line in summary:
                self.stdout.write(f"  {line}")
            old = (version.source, f"{document.slug} v{version.number}") if version else ("", "/dev/null")
            text = differences.text_between(old[0], source, old[1], str(path))
            self.stdout.write("(too long to be shown line by line)" if text is None else text.rstrip("\n"))
        return different

    def _export(self, project: Project, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = _kept(folder)
        for workflow in _current(project):
            version = workflow.current
            assert version is not None
            suffix = ".json" if version.source.lstrip().startswith("{") else ".yaml"
            path, text = kept.get(workflow.slug, (folder / f"{workflow.slug}{suffix}", None))
            same = text is not None and documents.same_text(version.source, text)
            if not same:
                path.write_text(version.source, encoding="utf-8")
            self.stdout.write(f"{path} unchanged" if same else str(path))


def _current(project: Project) -> list[Workflow]:
    found = Workflow.objects.filter(project=project, current__isnull=False)
    return list(found.select_related("current").order_by("slug"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def _by_slug(definitions: Definitions) -> dict[str, Document]:
    return {document.slug: document for _, document in definitions.values()}


def _kept(folder: Path) -> dict[str, tuple[Path, str]]:
    """By slug the files a folder has already, and their texts; those that mean nothing are left out."""
    found: dict[str, tuple[Path, str]] = {}
    for path in _files(folder):
        try:
            text = path.read_text(encoding="utf-8")
            document = documents.parse(text)
        except (DocumentError, UnicodeDecodeError):
            continue
        found.setdefault(document.slug, (path, text))
    return found
