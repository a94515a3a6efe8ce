"""With what the webhooks of approvals are signed: derived from the server's SECRET_KEY, stored nowhere.

A project has one secret. Rotation makes another, and until the overlap has passed the one before signs
beside it, so that no receiver has to change at the same moment.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.utils.crypto import salted_hmac

from apps.accounts.models import Project
from apps.agents import signatures
from apps.events import journal
from apps.workflows.events import NoticeSecretRotated


def of(project: Project) -> str:
    """The newest secret: `whsec_…`."""
    return _secret(project.pk, project.notice_secret_version)


def signing(project: Project, at: datetime) -> list[str]:
    """Every secret that notices are signed with at the moment, the newest first."""
    found = [of(project)]
    until = project.old_notice_secret_until
    if project.notice_secret_version > 1 and until and until > at:
        found.append(_secret(project.pk, project.notice_secret_version - 1))
    return found


def rotate(project_id: UUID, *, overlap: timedelta, by: str = "") -> Project:
    """Give the project another; notices carry the old signature, too, until `overlap` has passed."""
    with journal.changes(project_id) as change:
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        project.notice_secret_version += 1
        project.old_notice_secret_until = change.moment() + overlap if overlap else None
        project.save(update_fields=["notice_secret_version", "old_notice_secret_until"])
        change.record(
            "project.secret_rotated",
            NoticeSecretRotated(
                project_id=project_id,
                version=project.notice_secret_version,
                old_secret_until=project.old_notice_secret_until,
                by=by,
            ),
        )
    return project


def _secret(project_id: UUID, version: int) -> str:
    text = project_id.hex if version == 1 else f"{project_id.hex}:{version}"
    return signatures.secret_text(salted_hmac("mission-control.webhook", text, algorithm="sha256").digest())
