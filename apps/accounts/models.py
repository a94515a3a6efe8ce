"""Rows of the accounts app. Secrets are kept as SHA-256 digests only, never in the clear."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone

LAST_USED_EVERY = timedelta(minutes=1)


class Role(models.TextChoices):
    """What a member may do in a project; each role includes the ones before it."""

    VIEWER = "viewer", "Viewer: reads"
    OPERATOR = "operator", "Operator: starts, pauses and cancels work"
    ADMIN = "admin", "Admin: manages members and keys"


class Scope(models.TextChoices):
    """What an API key may do. Scopes do not include one another."""

    AGENT = "agent", "Act as an agent: register, claim work, report results"
    INGEST = "ingest", "Send telemetry"
    READ = "read", "Read everything in the project"
    RUN = "run", "Start and cancel work"


class KeyState(models.TextChoices):
    """Whether a key still opens anything; not stored, for it changes by itself."""

    USABLE = "usable"
    EXPIRED = "expired"
    REVOKED = "revoked"


class User(AbstractUser):
    """A person. The e-mail address is optional: nothing is ever mailed to prove it."""

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"


class Project(models.Model):
    """The unit of isolation: everything but users belongs to exactly one project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    max_runs = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs at work at a time; empty: no limit"
    )
    max_command_runs = models.PositiveIntegerField(
        null=True, blank=True, help_text="Command runs at work at a time; empty: no limit"
    )
    notice_secret_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="The secret is derived, not stored"
    )
    old_notice_secret_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until then notices are signed with it, too"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="projects"
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's role in one project."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "project"], name="membership_once_per_project"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, at: datetime | None = None) -> Self:
        """Keys that are neither revoked nor expired."""
        now = at or timezone.now()
        return self.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))

    def revoke(self) -> int:
        """Revoke what is not revoked yet; returns how many."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


class ApiKey(models.Model):
    """A program's credential: `mc_<prefix>_<secret>`. Only the digest of the whole is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list)
    agent_id = models.UUIDField(
        null=True, blank=True, help_text="When set, the key may act as this agent only."
    )
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by",
        help_text="The key this one was rotated from; that one goes on for the time of overlap.",
    )  # fmt: skip
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = "API key"
        indexes: ClassVar = [models.Index(fields=["project", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.name} (mc_{self.prefix}_…)"

    @property
    def is_usable(self) -> bool:
        return self.state == KeyState.USABLE

    @property
    def state(self) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        is_expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return KeyState.EXPIRED if is_expired else KeyState.USABLE

    def revoke(self) -> bool:
        """Refuse the key from now on (everywhere within a second). False if it already was."""
        return ApiKey.objects.filter(pk=self.pk).revoke() == 1


class RefreshFamily(models.Model):
    """One sign-in: the chain of refresh tokens that replaced one another since."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_families")
    current_jti = models.CharField(max_length=64)
    previous_jti = models.CharField(max_length=64, blank=True, default="")
    rotated_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    user_agent = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "sign-in"

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"

    def revoke(self) -> bool:
        """End the sign-in; its access tokens die within a second. False if it already was."""
        changed = RefreshFamily.objects.filter(pk=self.pk, revoked_at=None)
        return changed.update(revoked_at=timezone.now()) == 1


class SocketTicket(models.Model):
    """A single-use permission to open one socket, thirty seconds long."""

    hash = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="+")
    family = models.ForeignKey(RefreshFamily, null=True, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=32, default="")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, api_key__isnull=True)
                | Q(user__isnull=True, api_key__isnull=False),
                name="ticket_is_of_a_user_or_a_key",
            )
        ]

    def __str__(self) -> str:
        return f"ticket until {self.expires_at:%H:%M:%S}"
