"""The journal's two tables. Projects are plain ids here: the flight recorder knows no other app."""

from __future__ import annotations

import uuid

from django.db import models


class Stream(models.Model):
    """One project's journal: its numbers are gap-free and in commit order.

    `head` is the last number given, `floor` the last number pruned away (0: nothing pruned).
    `epoch` changes only when history is broken, after a restore for example.
    """

    project_id = models.UUIDField(primary_key=True, editable=False)
    epoch = models.UUIDField(default=uuid.uuid4, editable=False)
    head = models.BigIntegerField(default=0, editable=False)
    floor = models.BigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"{self.project_id} at {self.head}"


class Event(models.Model):
    """One fact, written in the transaction of the change it tells of."""

    project_id = models.UUIDField(editable=False)
    seq = models.BigIntegerField(editable=False)
    kind = models.CharField(max_length=40, editable=False, help_text="<noun>.<past participle>")
    entity = models.CharField(max_length=20, editable=False)
    entity_id = models.UUIDField(null=True, editable=False)
    payload = models.JSONField(editable=False, help_text="What the socket sends, without seq and prev")
    at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project_id", "seq"], name="event_project_seq")]
        indexes = [
            models.Index(fields=["project_id", "entity_id", "-seq"], name="event_by_entity"),
            models.Index(fields=["at"], name="event_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"
