"""Writes a run as large as a document may make it, in the middle of its work: 1,000 steps, one of
them a map of 5,000 items. Run inside an installation; prints what was made as JSON."""

from __future__ import annotations

import json
import os
from datetime import timedelta

STEPS = 1_000
ACROSS = 37
ITEMS = 5_000


def source() -> str:
    """Layers of `ACROSS` steps between a first one and a map."""
    lines = ["name: Big", "slug: big", "steps:", "  - {key: first, command: code.review, with: {change: x}}"]
    for index in range(STEPS - 2):
        needs = "first" if index < ACROSS else f"s{index - ACROSS}"
        lines.append(f"  - {{key: s{index}, needs: [{needs}], command: code.review, with: {{change: x}}}}")
    lines += [
        "  - key: each",
        f"    needs: [s{STEPS - 3}]",
        '    map: {over: "${{ [1, 2, 3] }}", limit: 4}',
        "    command: code.review",
        '    with: {change: "${{ string(item) }}"}',
    ]
    return "\n".join(lines)


def make() -> dict[str, object]:
    from django.utils import timezone

    from apps.accounts.services import default_project
    from apps.workflows import services
    from apps.workflows.document import parse
    from apps.workflows.models import Run, RunData, RunStatus, Step, StepKind, StepStatus

    project = default_project()
    applied = services.apply_definition(project, source(), by="benchmark")
    document = parse(source())
    now = timezone.now()
    begun = now - timedelta(minutes=30)
    run = Run.objects.create(
        project=project, workflow=applied.workflow, version=applied.version, number=1, name=document.name,
        status=RunStatus.RUNNING, total_steps=STEPS + ITEMS, open_steps=500, created_at=begun,
        started_at=begun, progress=40, requested_by="benchmark",
    )  # fmt: skip
    RunData.objects.create(run=run, input={"change": "x" * 200})
    rows = []
    for index, key in enumerate(document.graph.order):
        status = (
            StepStatus.COMPLETED if index < 500 else StepStatus.RUNNING if index < 537 else StepStatus.PENDING
        )
        kind = StepKind(document.by_key[key].kind)
        if kind == StepKind.MAP:
            status = StepStatus.RUNNING
        start = begun + timedelta(seconds=3 * index)
        rows.append(
            Step(
                run=run,
                key=key,
                index=index + 1,
                name=f"Review part {index}",
                kind=kind,
                status=status,
                attempt=1,
                started_at=None if status == StepStatus.PENDING else min(start, now - timedelta(seconds=20)),
                completed_at=start + timedelta(seconds=40) if status == StepStatus.COMPLETED else None,
                output={"text": "The change is fine. " * 10} if status == StepStatus.COMPLETED else None,
                agent_name="Code Reviewer",
            )
        )
    Step.objects.bulk_create(rows, batch_size=500)
    parent = next(row for row in rows if row.kind == StepKind.MAP)
    items = [
        Step(
            run=run, key=parent.key, parent=parent, map_index=place, item={"file": f"src/part_{place}.py"},
            index=parent.index, name=parent.name, kind=StepKind.COMMAND, attempt=1,
            status=StepStatus.COMPLETED if place < 1200 else StepStatus.FAILED if place < 1210 else
            StepStatus.RUNNING if place < 1214 else StepStatus.PENDING,
            started_at=begun + timedelta(seconds=place) if place < 1214 else None,
            completed_at=begun + timedelta(seconds=place + 3) if place < 1210 else None,
        )
        for place in range(ITEMS)
    ]  # fmt: skip
    Step.objects.bulk_create(items, batch_size=500)
    return {
        "run": str(run.pk),
        "map": {"id": str(parent.pk), "key": parent.key},
        "steps": [[str(row.pk), row.key, row.index] for row in rows],
        "items": [[str(row.pk), row.map_index] for row in items],
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    print(json.dumps(make()))
