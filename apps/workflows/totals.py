"""What runs used, together with the runs nested in them: summed from the rows of their command runs
whenever it is asked for, so that nothing is counted twice or lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from apps.workflows.models import Run

SUMS = """
WITH RECURSIVE part(top, id) AS (
    SELECT id, id FROM workflows_run WHERE id IN ({places})
    UNION ALL
    SELECT part.top, run.id FROM part JOIN workflows_run run ON run.parent_run_id = part.id
)
SELECT part.top, SUM(work.input_tokens), SUM(work.output_tokens), SUM(work.cost_usd)
FROM part JOIN agents_commandrun work ON work.run_id = part.id
GROUP BY part.top
"""


@dataclass(frozen=True, slots=True)
class Total:
    """Tokens and dollars; None where nobody told any."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    @property
    def tokens(self) -> dict[str, int | None]:
        return {"input": self.input_tokens, "output": self.output_tokens}

    @property
    def shown(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "cost_usd": self.cost_usd}


NOTHING = Total()


def of(run_ids: Sequence[UUID]) -> dict[UUID, Total]:
    """What each of some runs used, in one query; those without command runs are left out."""
    if not run_ids:
        return {}
    pk = Run._meta.pk
    given = [pk.get_db_prep_value(run_id, connection) for run_id in run_ids]
    with connection.cursor() as cursor:
        cursor.execute(SUMS.format(places=", ".join(["%s"] * len(given))), given)
        rows = cursor.fetchall()
    return {
        top if isinstance(top, UUID) else UUID(top): Total(
            _whole(tokens_in), _whole(tokens_out), None if cost is None else float(cost)
        )
        for top, tokens_in, tokens_out, cost in rows
    }


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
