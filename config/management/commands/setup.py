"""`manage.py setup`: everything between the code and the first start; again and again harmless."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from apps.accounts.models import Membership, Project, Role, User
from apps.accounts.services import default_project
from apps.agents.fleet import install_fleet
from apps.workflows.services import install_library

PASSWORD_FILE = "admin_password"  # noqa: S105  (a file name)


class Command(BaseCommand):
    help = "Migrate the database; at the first start make the admin user, the fleet and the workflows."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        project = default_project()
        if not User.objects.exists():
            self._first_admin(project)
        elif (settings.DATA_DIR / PASSWORD_FILE).exists():
            self.stdout.write(f"Log in as admin; the password is in {settings.DATA_DIR / PASSWORD_FILE}")
        if not project.agents.exists() and not project.commands.exists():
            counts = install_fleet(project)
            self.stdout.write(f"Fleet: {counts}")
        if not project.workflows.exists():
            names = [workflow.name for workflow in install_library(project)]
            self.stdout.write(f"Workflows: {', '.join(names)}")

    def _first_admin(self, project: Project) -> None:
        """One `admin`; a password that nobody chose is printed once and kept in a 0600 file."""
        given = settings.MC.admin_password
        password = given.get_secret_value() if given else secrets.token_urlsafe(12)
        user = User.objects.create_superuser("admin", password=password)
        Membership.objects.create(user=user, project=project, role=Role.ADMIN)
        if given:
            self.stdout.write("Log in as admin with the password of MC_ADMIN_PASSWORD")
            return
        path = settings.DATA_DIR / PASSWORD_FILE
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password + "\n")
        self.stdout.write(f"Log in as admin with password {password}  (also in {path})")
