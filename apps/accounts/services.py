"""Verbs that touch more than one accounts row."""

from __future__ import annotations

from apps.accounts.models import Project

DEFAULT_PROJECT_SLUG = "default"


def default_project() -> Project:
    """The project that exists from the first start; created when it does not."""
    project, _ = Project.objects.get_or_create(
        slug=DEFAULT_PROJECT_SLUG, defaults={"name": "Mission Control"}
    )
    return project
