"""Which runs and steps there are, for what agents' telemetry says of them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.agents.telemetry import links
from apps.agents.telemetry.links import Known
from apps.workflows.models import Run, Step


def subscribe() -> None:
    """Connect; called once, when the app is ready."""
    links.knows_runs.append(known)


def known(project_id: UUID, runs: Collection[UUID], steps: Collection[UUID]) -> Known:
    """Those of the runs and of the steps that are of the project."""
    found = Run.objects.filter(project_id=project_id, pk__in=runs) if runs else Run.objects.none()
    of_steps = Step.objects.filter(run__project_id=project_id, pk__in=steps) if steps else Step.objects.none()
    return Known(
        set(found.order_by().values_list("pk", flat=True)),
        dict(of_steps.order_by().values_list("pk", "run_id")),
    )
