"""T2 in the transaction that queued the work, so that nobody waits for another one to be made for it.

Left to the dispatcher, which looks after every commit, when this process has none, when somebody else
dispatches for the project at this moment (whoever queues work has rows locked that the other may want,
so it does not wait), when other projects have work too, with which places are shared in turns, and when
there are so many agents that reading them would hold those rows for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction

from apps.agents import dispatch, holds, lanes
from apps.agents.dispatch import Dispatched
from apps.events.journal import Change

AGENTS = 200

# Ranges instead of <>: an index leads past what is queued of the project itself, however much that is.
_ALONE = """
SELECT max_command_runs FROM accounts_project WHERE id = %(project)s
    AND NOT EXISTS (SELECT 1 FROM agents_hold WHERE subject_id = %(project)s)
    AND NOT EXISTS (SELECT 1 FROM agents_commandrun WHERE status = 'queued' AND project_id < %(project)s)
    AND NOT EXISTS (SELECT 1 FROM agents_commandrun WHERE status = 'queued' AND project_id > %(project)s)
    AND NOT EXISTS (
        SELECT 1 FROM agents_commandrun AS run LEFT JOIN agents_agent AS agent ON agent.id = run.agent_id
        WHERE run.status IN ('dispatched', 'running') AND run.status = 'dispatched'
        AND run.project_id <> %(project)s AND coalesce(agent.connector, '') <> 'pull'
    )
"""


def wanted(change: Change) -> None:
    """Work was queued: have it dispatched at the end of this change, else by the dispatcher."""
    project_id = change.project_id
    if dispatch.dispatcher.is_started:
        change.last(_at_end)
    transaction.on_commit(lambda: dispatch.poke(project_id))


def now(change: Change) -> list[Dispatched]:
    """Dispatch at this point instead of at the end, for whoever takes some of it at once, when anything
    was queued. The rest is for `tell`."""
    return _give(change) if change.take_last(_at_end) else []


def tell(given: Sequence[Dispatched]) -> None:
    """Once this is committed, tell whoever is to take it."""
    if given:
        transaction.on_commit(lambda: dispatch.dispatcher.tell(given))


def _at_end(change: Change) -> None:
    if not dispatch.is_supplied(change.project_id):
        tell(_give(change))


def _give(change: Change) -> list[Dispatched]:
    if not holds.try_lock(change.project_id):
        return []
    alone, limit = _is_alone(change.project_id)
    return dispatch.give(change, limit, agents=AGENTS) if alone else []


def _is_alone(project_id: UUID) -> tuple[bool, int | None]:
    """Whether nobody else's work waits and the project is not paused, and how much it may have at work."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE, {"project": lanes.key(project_id)})
        found = cursor.fetchone()
    return (True, found[0]) if found else (False, None)
