"""Keeps workflow definitions in files: `manage.py workflows validate|apply|export DIR`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.accounts.models import Project
from apps.accounts.services import DEFAULT_PROJECT_SLUG
from apps.workflows import document as documents
from apps.workflows import services
from apps.workflows.document import Document, DocumentError
from apps.workflows.models import Workflow

SUFFIXES = (".yaml", ".yml", ".json")


class Command(BaseCommand):
    requires_system_checks = []  # definitions are checked in pipelines that have no settings
    help = "Validate, apply or export workflow definitions, one file each, or print their JSON Schema."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, said in (
            ("validate", "Check the definitions in DIR; with --project also that commands and agents exist."),
            ("apply", "Save the definitions in DIR as current versions: all of them or none."),
            ("export", "Write the current definitions of the project into DIR."),
        ):
            action = actions.add_parser(name, help=said, description=said)
            action.add_argument("dir", type=Path, metavar="DIR")
            default = None if name == "validate" else DEFAULT_PROJECT_SLUG
            action.add_argument("--project", default=default, help="The slug of a project")
        actions.add_parser("schema", help="Print the JSON Schema of a definition.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "schema":
            self.stdout.write(json.dumps(documents.json_schema(), indent=2))
            return
        project = self._project(options["project"]) if options["project"] else None
        folder: Path = options["dir"]
        if options["action"] == "export":
            assert project is not None
            self._export(project, folder)
            return
        sources = self._checked(folder, project)
        if options["action"] == "apply":
            assert project is not None
            self._apply(project, sources)
        else:
            self.stdout.write(f"{len(sources)} valid")

    def _project(self, slug: str) -> Project:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            raise CommandError(f"There is no project {slug!r}. Name one with --project.")
        return project

    def _checked(self, folder: Path, project: Project | None) -> dict[Path, str]:
        """The texts of the definitions; ends the command when one of them is wrong."""
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a directory.")
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        if not paths:
            raise CommandError(f"{folder} holds no {', '.join(SUFFIXES)} file.")
        sources = {path: path.read_text(encoding="utf-8") for path in paths}
        by_slug: dict[str, Path] = {}
        wrong = 0
        for path, source in sources.items():
            try:
                document = documents.parse(source)
                if project is not None:
                    services.check_catalogue(project, document, source)
            except DocumentError as error:
                wrong += 1
                self._complain(path, error)
                continue
            wrong += self._is_twice(path, document, by_slug)
        if wrong:
            raise CommandError(f"{wrong} of {len(sources)} definitions are wrong; nothing was changed.")
        return sources

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

    def _apply(self, project: Project, sources: dict[Path, str]) -> None:
        with transaction.atomic():
            applied = [
                services.apply_definition(project, source, by="manage.py") for source in sources.values()
            ]
        for one in applied:
            word = "new" if one.is_new_workflow else "changed" if one.is_new_version else "unchanged"
            self.stdout.write(f"{one.workflow.slug} v{one.version.number} {word}")

    def _export(self, project: Project, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        current = Workflow.objects.filter(project=project, current__isnull=False).select_related("current")
        for workflow in current.order_by("slug"):
            assert workflow.current is not None
            suffix = ".json" if workflow.current.source.lstrip().startswith("{") else ".yaml"
            path = folder / f"{workflow.slug}{suffix}"
            path.write_text(workflow.current.source, encoding="utf-8")
            self.stdout.write(str(path))
