"""`manage.py webhook_secret`: with what the webhooks of a project are signed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import Project
from apps.accounts.services import DEFAULT_PROJECT_SLUG
from apps.workflows import notice_secret


class Command(BaseCommand):
    help = "Print the secret that signs a project's outgoing webhooks (Standard Webhooks)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", default=DEFAULT_PROJECT_SLUG, help="The slug of a project")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        self.stdout.write(notice_secret.of(project))
