"""Which runs and steps there are, for what agents' telemetry says of them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.agents.telemetry import links
from apps.agents.telemetry.links import Known
from apps.events.conditions import is_of
from apps.workflows.models import Run, Step


def subscribe() -> None:
    """Connect; called once, when the app is ready."""
    links.knows_runs.append(known)


def known(project_id: UUID, runs: Collection[UUID], steps: Collection[UUID]) -> Known:
    """Those of the runs and of the steps that are of the project."""
    of_steps: dict[UUID, UUID] = {}
    if steps:
        of_steps = dict(Step.objects.filter(pk__in=steps).order_by().values_list("pk", "run_id"))
    asked = {*runs, *of_steps.values()}
    found = Run.objects.filter(is_of(project_id), pk__in=asked).order_by()
    mine = set(found.values_list("pk", flat=True)) if asked else set()
    return Known(mine.intersection(runs), {pk: run_id for pk, run_id in of_steps.items() if run_id in mine})
