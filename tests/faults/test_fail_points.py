"""A sample of the table that `make faults` makes: fail points, faults, workflows, one checker.

MC_FAULT_SEED repeats a sample, MC_FAULT_CASES says how many cases it has.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.matrix.case import Case, Result
from tests.faults.matrix.flows import FLOWS, LINE
from tests.faults.matrix.judge import STUCK
from tests.faults.matrix.plan import discover, every_case, never_reached, once_more, unplanned
from tests.faults.matrix.points import in_code
from tests.faults.matrix.rig import Installation
from tests.faults.matrix.table import table, violations

SECONDS = 40  # no case of the sample is begun after that, whatever the machine
FEWEST = 4

pytestmark = pytest.mark.timeout(600)

Reached = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get("MC_FAULT_SEED") or random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="module")
def rig(seed: int) -> Iterator[Installation]:
    with Installation(seed) as running:
        yield running


@pytest.fixture
def every_event_arrives(rig: Installation) -> Iterator[None]:
    """After a test's faults: what webhooks asked for has arrived, each event under one id.

    The judgement is each test's own: tests run in any order, so none can be the last.
    """
    yield
    problems, _, _ = rig.deliveries()
    assert problems == []


@pytest.fixture(scope="module")
def discovered(rig: Installation) -> tuple[Reached, list[Result]]:
    return discover(rig)


def test_the_reference_workflows_reach_every_fail_point(
    discovered: tuple[Reached, list[Result]],
) -> None:
    reached, results = discovered
    assert violations(results) == []
    assert never_reached(reached) == []


def test_a_fail_point_that_nobody_thought_of_is_told() -> None:
    code = in_code()
    assert unplanned(code) == []
    new = code | {"agents.new.verb:before_commit": "apps/agents/new.py"}
    assert unplanned(new) == ["agents.new.verb:before_commit of apps/agents/new.py"]
    del new["agents.new.verb:before_commit"], new["agents.worker.message:taken"]
    assert unplanned(new) == ["agents.worker.message:taken, which the code has not"]


@pytest.mark.usefixtures("every_event_arrives")
def test_a_sample_of_all_faults_loses_nothing_and_commits_nothing_twice(
    rig: Installation, discovered: tuple[Reached, list[Result]], seed: int
) -> None:
    began = time.monotonic()
    results: list[Result] = []
    for case in every_case(discovered[0], seed)[: int(os.environ.get("MC_FAULT_CASES") or 20)]:
        if (
            len(results) >= FEWEST
            and time.monotonic() - began > SECONDS
            and "MC_FAULT_CASES" not in os.environ
        ):
            break
        result = rig.suffer(case)
        again = once_more(result)
        results.append(rig.suffer(again) if again else result)
    print(f"MC_FAULT_SEED={seed}\n{table(results)}")
    assert violations(results) == [], f"repeat it with MC_FAULT_SEED={seed}"
    struck = sum(result.fired for result in results)
    assert struck * 2 > len(results), f"only {struck} of {len(results)} faults struck; MC_FAULT_SEED={seed}"


@pytest.mark.usefixtures("every_event_arrives")
def test_a_step_that_kills_every_worker_fails_after_its_fourth_and_takes_no_more(rig: Installation) -> None:
    ends = dict.fromkeys(LINE, "skipped") | {"s1": "failed"}
    poisoned = replace(FLOWS["line"], ends=ends, status="failed")
    case = Case("line", "agents.worker.connector:before", "kill", times=9, expect=poisoned)
    result = rig.suffer(case)
    assert result.problems == []
    assert result.struck == 4


@pytest.mark.usefixtures("every_event_arrives")
def test_a_process_frozen_in_the_middle_of_a_transaction_holds_nobody_up_for_good(rig: Installation) -> None:
    """It has locked the journal's row, so everybody waits until PostgreSQL gives the transaction up."""
    case = Case("line", "agents.lease.write:before_commit", "stop", for_good=True, patience=STUCK + 15)
    result = rig.suffer(case)
    assert result.fired
    assert result.problems == []


def test_every_event_that_webhooks_asked_for_arrives_under_one_id(
    rig: Installation, discovered: tuple[Reached, list[Result]]
) -> None:
    """The workflows have run; receivers refused some events and hung up on others."""
    problems, arrived, repeated = rig.deliveries()
    print(f"{arrived} events arrived, {repeated} of them more than once")
    assert problems == []
    assert arrived
