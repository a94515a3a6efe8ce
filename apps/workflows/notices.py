"""Telling people outside of open questions: an outbox whose rows are written with what they tell.

Any number of engines may send. Each wins a row by compare-and-swap on the moment it is due, has it
for a while, and says how it went; a row whose engine died is due again. So a message may arrive
twice, with the same id, and never not at all: what cannot be delivered in a day is given up, and
the approval says so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models import F, QuerySet

from apps.agents import signed_post
from apps.agents.signed_post import Undelivered
from apps.errors import Conflict, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.failpoints import fail_point
from apps.events.journal import Change
from apps.events.prepared import prepared
from apps.workflows import deliveries
from apps.workflows.document_parts import Notify
from apps.workflows.models import Approval, ApprovalState, Notice, NoticeKind, NoticeState
from apps.workflows.record import record_approval, short

LEASE = timedelta(seconds=90)
PAUSES = tuple(10 * 3**number for number in range(9))  # 10 s, 30 s, 90 s, … make a day and three hours
AT_ONCE = 4
BATCH = 100


def write(change: Change, approval: Approval, told: Notify | None) -> None:
    """Note whom to tell of the approval. Called in the transaction that opens or escalates it."""
    if told is None:
        return
    targets = [(NoticeKind.EMAIL, one) for one in told.emails]
    targets += [(NoticeKind.WEBHOOK, one) for one in told.webhooks]
    moment = change.moment()
    Notice.objects.bulk_create(
        Notice(project_id=approval.project_id, approval=approval, kind=kind, target=target, next_at=moment)
        for kind, target in dict.fromkeys(targets)
    )


def is_due() -> bool:
    """Whether anything may be sent now; asked before a thread is begun for it."""
    return bool(_due(now()))


@prepared
def _due(moment: datetime) -> QuerySet[Notice, tuple[UUID, datetime | None]]:
    due = Notice.objects.filter(state=NoticeState.PENDING, next_at__lte=moment).order_by("next_at")
    return due.values_list("pk", "next_at")[:BATCH]


def send_due(at_once: int = AT_ONCE) -> int:
    """Send what is due, some at a time; returns how many were tried. Waits for the network."""
    rows = [(pk, at) for pk, at in _due(now()) if at is not None]
    if at_once == 1 or len(rows) <= 1:
        return sum(_send(pk, at) for pk, at in rows)
    with ThreadPoolExecutor(at_once, thread_name_prefix="notices") as pool:
        return sum(pool.map(_send_apart, *zip(*rows, strict=True)))


def send_again(approval: Approval, notice_id: UUID) -> Approval:
    """Have a notice sent once more, soon; what arrived already goes as a message of its own.

    Raises Conflict when the question is closed, NotFound when the approval has no such notice.
    """
    with journal.changes(approval.project_id) as change:
        current = Approval.objects.select_related("run__workflow").filter(pk=approval.pk).first()
        notice = Notice.objects.filter(pk=notice_id, approval=approval).first()
        if current is None or notice is None:
            raise NotFound("There is no such notice of this approval.")
        if current.state != ApprovalState.OPEN:
            raise Conflict(f"The question is {current.state}; there is nothing to tell any more.")
        again = Notice.objects.filter(pk=notice_id).exclude(state=NoticeState.SENT)
        if not again.update(state=NoticeState.PENDING, attempts=0, next_at=change.moment(), error=""):
            Notice.objects.create(
                project_id=notice.project_id,
                approval=current,
                kind=notice.kind,
                target=notice.target,
                next_at=change.moment(),
            )
        record_approval(change, "approval.changed", current)
    return current


def _send_apart(notice_id: UUID, due_at: datetime) -> bool:
    """As `_send`, on a thread that ends with it."""
    try:
        return _send(notice_id, due_at)
    finally:
        connections.close_all()


def _send(notice_id: UUID, due_at: datetime) -> bool:
    """Win the notice and try to deliver it; False when somebody else did."""
    until = now() + LEASE
    mine = Notice.objects.filter(pk=notice_id, state=NoticeState.PENDING, next_at=due_at)
    if not mine.update(next_at=until, attempts=F("attempts") + 1):
        return False
    notice = Notice.objects.select_related("project", "approval__run__workflow").get(pk=notice_id)
    if notice.approval.state != ApprovalState.OPEN:
        _end(notice, until, NoticeState.DEAD, "The question was closed before this could be sent.")
        return True
    try:
        fail_point("workflows.notices.deliver:before")
        deliveries.deliver(notice)
        fail_point("workflows.notices.deliver:after")
    except Undelivered as error:
        pause = signed_post.pause_seconds(PAUSES, notice.attempts, error.retry_after)
        if error.permanent or pause is None:
            _end(notice, until, NoticeState.DEAD, error.message)
        else:
            _postpone(notice, until, pause, error.message)
    else:
        _end(notice, until, NoticeState.SENT)
    return True


def _postpone(notice: Notice, until: datetime, pause: float, error: str) -> None:
    mine = Notice.objects.filter(pk=notice.pk, state=NoticeState.PENDING, next_at=until)
    with journal.changes(notice.project_id) as change:
        if mine.update(next_at=now() + timedelta(seconds=pause), error=short(error, 300)):
            record_approval(change, "approval.changed", notice.approval)


def _end(notice: Notice, until: datetime, state: NoticeState, error: str = "") -> None:
    """Write how it ended, unless the lease ran out and it is somebody else's now."""
    mine = Notice.objects.filter(pk=notice.pk, state=NoticeState.PENDING, next_at=until)
    with journal.changes(notice.project_id) as change:
        sent_at = now() if state == NoticeState.SENT else None
        if mine.update(state=state, next_at=None, sent_at=sent_at, error=short(error, 300)):
            current = Approval.objects.select_related("run__workflow").get(pk=notice.approval_id)
            untold = state == NoticeState.DEAD and current.state == ApprovalState.OPEN
            record_approval(change, "approval.undelivered" if untold else "approval.changed", current)
