"""Holds: what is paused, as rows that the dispatcher's own query asks.

A pause marks nothing on the work itself, so it is as quick for a million command runs as for one,
and work that is accepted or queued again meanwhile is covered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.agents.models import UNCLAIMED, CommandRun, Hold, HoldScope
from apps.events.conditions import one_of
from apps.events.journal import Change
from apps.events.prepared import prepared


@dataclass(frozen=True, slots=True)
class Paths:
    """How a model reaches the three things that can be held."""

    run: str
    workflow: str
    project: str

    def covered_by(self, hold: Hold) -> Q:
        return Q(**{getattr(self, hold.scope): hold.subject_id})

    def held(self) -> Exists:
        """A condition for queries: whether a hold covers the row."""
        subjects = Q(subject_id=OuterRef(self.run)) | Q(subject_id=OuterRef(self.workflow))
        return Exists(Hold.objects.filter(subjects | Q(subject_id=OuterRef(self.project))))


COMMAND_RUNS = Paths("run_id", "workflow_id", "project_id")


@dataclass(frozen=True, slots=True)
class Released:
    """A hold that ended, and the holds that still cover some of what it covered."""

    hold: Hold
    others: list[Hold]
    at: datetime

    def spans(self, paths: Paths) -> list[tuple[Q, timedelta]]:
        """By how much which rows' deadlines move.

        Time that another hold goes on covering is counted when that one ends, so that no moment of
        overlapping pauses is counted twice.
        """
        left = paths.covered_by(self.hold)
        found = []
        for other in self.others:
            found.append((left & paths.covered_by(other), other.at - self.hold.at))
            left &= ~paths.covered_by(other)
        found.append((left, self.at - self.hold.at))
        return [(rows, span) for rows, span in found if span > timedelta(0)]


def lock(project_id: UUID) -> None:
    """One dispatcher, or one change of holds, per project at a time; SQLite's write transaction
    already is that lock."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [0x4D43, str(project_id)])


def try_lock(project_id: UUID) -> bool:
    """`lock`, but without waiting; whether it was free. For whoever already has rows locked."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [0x4D43, str(project_id)])
        return bool(cursor.fetchone()[0])


def subjects(project_id: UUID) -> frozenset[UUID]:
    """What of the project is paused: its own id, those of workflows and runs. There are few."""
    return frozenset(_subjects(project_id))


@prepared
def _subjects(project_id: UUID) -> QuerySet[Hold, UUID]:
    return Hold.objects.filter(project_id=project_id).values_list("subject_id", flat=True)


def of(subject_id: UUID) -> Hold | None:
    return Hold.objects.filter(subject_id=subject_id).first()


def hold(change: Change, scope: HoldScope, subject_id: UUID, *, by: str) -> bool:
    """Dispatch nothing of the subject from now on; False when that already was so.

    Waits for a dispatch that is under way, so that nothing is handed out after the commit.
    """
    lock(change.project_id)
    if of(subject_id) is not None:
        return False
    Hold.objects.create(
        project_id=change.project_id,
        scope=scope,
        subject_id=subject_id,
        by=by[:150],
        at=change.moment(),
    )
    return True


def release(change: Change, subject_id: UUID) -> Released | None:
    """Dispatch the subject's work again, its queue timeouts moved by the pause; None when it was
    not held. Call it before any row of a run is locked: command runs come first."""
    lock(change.project_id)
    found = of(subject_id)
    if found is None:
        return None
    Hold.objects.filter(pk=found.pk).delete()
    others = Hold.objects.filter(project=change.project_id)
    if found.scope != HoldScope.PROJECT:  # two runs, or two workflows, never cover the same
        others = others.exclude(scope=found.scope)
    released = Released(found, list(others), change.moment())
    waiting = CommandRun.objects.filter(one_of("status", UNCLAIMED))
    for rows, span in released.spans(COMMAND_RUNS):
        waiting.filter(rows).update(gives_up_at=F("gives_up_at") + span)
    return released


def forget(subject_id: UUID) -> None:
    """Drop the hold of something that is over."""
    Hold.objects.filter(subject_id=subject_id).delete()
