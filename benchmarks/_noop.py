"""`manage.py` whose demo model answers at once, so that the engine is measured and not its pace.

`python -m benchmarks._noop prepare STEPS` adds agents and workflows that do nothing, `… fill RUNS`
adds so many finished runs in one go; every other word is a management command of the product.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.core.management import execute_from_command_line

from apps.agents.connectors import offline
from apps.agents.connectors.base import Outcome, Report, Work

AGENTS = 16
PARALLEL = 4
DONE = Outcome(output={"text": ""}, input_tokens=0, output_tokens=0, model="none", demo=True)


class AtOnce:
    async def run(self, work: Work, report: Report) -> Outcome:
        return DONE


def prepare(steps: int) -> None:
    """Agents, a command, a workflow of parallel steps and one of ten in a row."""
    from apps.accounts.services import default_project
    from apps.agents.models import Agent, Command
    from apps.workflows.services import apply_definition

    project = default_project()
    Agent.objects.bulk_create(
        Agent(
            project=project, slug=f"noop-{n}", name=f"Noop {n}", type="noop",
            capabilities=["noop"], max_parallel=PARALLEL,
        )
        for n in range(AGENTS)
    )  # fmt: skip
    Command.objects.create(project=project, name="bench.noop", title="Nothing", capability="noop")
    wide = "\n".join(f"  - {{key: s{n}, command: bench.noop, needs: []}}" for n in range(steps))
    long = "\n".join(
        f"  - {{key: s{n}, command: bench.noop, needs: [{f's{n - 1}' if n else ''}]}}" for n in range(10)
    )
    for name, listed in (("fan-out", wide), ("ten-steps", long)):
        apply_definition(project, f"name: {name}\nslug: {name}\nsteps:\n{listed}\n", by="bench")


def main() -> None:
    offline.OfflineConnector = AtOnce  # type: ignore[assignment,misc]
    match sys.argv[1:]:
        case ["prepare", steps]:
            django.setup()
            prepare(int(steps))
        case ["fill", runs]:
            django.setup()
            from benchmarks import _history

            _history.fill(int(runs))
        case _:
            execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
