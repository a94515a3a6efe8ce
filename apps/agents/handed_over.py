"""Work that an agent with an endpoint took and reports on by itself: no worker of ours has it any more.

Such a row runs, belongs to an agent with an endpoint and names no worker. Its lease outlasts its
timeout, so that an agent that is never heard of again ends as a timeout. Nobody stands by to stop the
agent: the repair loop ends what is cancelled or late, and a worker tells the endpoint, once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F, Q

from apps.agents import dispatch, lines
from apps.agents.lines import Said
from apps.agents.models import CommandRun, Connector, RunStatus
from apps.agents.moves import lease_time
from apps.errors import StaleFence
from apps.events.clock import now

logger = logging.getLogger(__name__)

TASK = "agents.tell_to_stop"
LONGEST_MESSAGE = 200
HANDED_OVER = Q(status=RunStatus.RUNNING, worker_id__isnull=True, agent__connector=Connector.HTTP)


def hand_over(command_run_id: UUID, fence: int, message: str, said: Sequence[Said] = ()) -> bool:
    """Leave the lease to the agent until its timeout. False when the lease was lost, or the agent was
    so quick that it is over."""
    held = CommandRun.objects.filter(pk=command_run_id, fence=fence, status=RunStatus.RUNNING)
    with transaction.atomic():
        try:
            lines.append(command_run_id, fence, said)
        except StaleFence:
            return False
        # What the agent said meanwhile stays.
        held.filter(progress__lte=1).update(progress=2, message=message[:LONGEST_MESSAGE])
        held.update(worker_id=None, heartbeat_at=now(), lease_expires_at=F("timeout_at") + lease_time())
        for project_id in held.values_list("project_id", flat=True):
            transaction.on_commit(partial(dispatch.poke, project_id))  # a place of a worker is free
    return True


def is_handed_over(run: CommandRun) -> bool:
    return (
        run.status == RunStatus.RUNNING
        and run.worker_id is None
        and run.agent is not None
        and run.agent.connector == Connector.HTTP
    )


def tell_after_commit(run: CommandRun) -> None:
    """Have the endpoint told that nobody wants the result of the attempt as it now is, if it has it."""
    if run.agent_id is not None and is_handed_over(run):
        transaction.on_commit(partial(_publish, run.pk, run.fence, run.agent_id))


def _publish(command_run_id: UUID, fence: int, agent_id: UUID) -> None:
    """A message that is lost costs the agent's time only: what it then reports is refused."""
    try:
        ids = [str(command_run_id), fence, str(agent_id)]
        current_app.send_task(TASK, args=ids, retry=False, ignore_result=True)
    except dispatch.BROKER_ERRORS as error:
        logger.warning(
            "the broker took no message; an endpoint is not told to stop", extra={"error": repr(error)}
        )
