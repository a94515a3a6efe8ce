"""`python -m tests.faults.matrix`: every case once, the table at the end. Ends by itself.

MC_FAULT_SEED (random) decides order and moments, MC_FAULT_CASES (all) how many, MC_FAULT_STACKS (3)
how many installations suffer side by side, MC_FAULT_POINT which points by parts of their names,
MC_FAULT_FLOW in which of the workflows; both with commas between.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
import traceback
from pathlib import Path

from tests.faults.matrix.case import Case, Result
from tests.faults.matrix.flows import FLOWS
from tests.faults.matrix.plan import discover, every_case, never_reached, once_more
from tests.faults.matrix.rig import Installation
from tests.faults.matrix.table import summary, table, violations


def main() -> int:
    seed = int(os.environ.get("MC_FAULT_SEED") or random.randrange(10**6))
    began = time.monotonic()
    print(f"seed {seed}", flush=True)
    chosen = os.environ.get("MC_FAULT_FLOW", "")
    with Installation(seed) as rig:
        reached, clean = discover(rig, chosen.split(",") if chosen else FLOWS)
        missed = never_reached(reached)
        parts = os.environ.get("MC_FAULT_POINT", "").split(",")
        cases = [one for one in every_case(reached, seed) if any(part in one.point for part in parts)]
        cases = cases[: int(os.environ.get("MC_FAULT_CASES") or len(cases))]
        results, webhooks = _side_by_side(rig, seed, cases)
    wrong = [*violations([*clean, *results]), *webhooks, *(f"never reached: {one}" for one in missed)]
    text = f"{table(results)}\n\n{summary(results)}\n"
    print(f"\n{text}\nseed {seed}, {time.monotonic() - began:.0f} s")
    if into := os.environ.get("MC_FAULT_TABLE"):
        Path(into).write_text(text)
    for one in wrong:
        print(f"VIOLATED  {one}")
    return 1 if wrong else 0


def _side_by_side(rig: Installation, seed: int, cases: list[Case]) -> tuple[list[Result], list[str]]:
    """What came of each case, and what is wrong with the webhooks of all."""
    results: list[Result] = []
    wrong: list[str] = []
    left = cases[::-1]
    lock = threading.Lock()

    def suffer_with(one: Installation) -> None:
        while True:
            with lock:
                if not left:
                    return
                case = left.pop()
            try:
                result = one.suffer(case)
                if again := once_more(result):
                    result = one.suffer(again)
            except Exception as error:  # the case counts, and this installation is of no use any more
                with lock:
                    results.append(Result(case, [f"the installation broke: {error!r}"], 0))
                    traceback.print_exc()
                return
            with lock:
                results.append(result)
                said = "VIOLATED" if result.problems else "ok" if result.fired else "not struck"
                print(f"{len(results)}/{len(cases)} {said} {result.case} {result.silence:.1f} s", flush=True)
                for problem in result.problems:
                    print(f"    {problem}", flush=True)

    def deliveries_of(one: Installation) -> None:
        try:
            problems, arrived, repeated = one.deliveries()
        except Exception as error:
            problems, arrived, repeated = [f"webhooks could not be judged: {error!r}"], 0, 0
        with lock:
            wrong.extend(problems)
            print(f"webhooks: {arrived} events arrived, {repeated} of them more than once", flush=True)

    def another(number: int) -> None:
        with Installation(seed + number) as one:
            suffer_with(one)
            deliveries_of(one)

    more = int(os.environ.get("MC_FAULT_STACKS") or 3) - 1
    others = [threading.Thread(target=another, args=(number + 1,)) for number in range(more)]
    for thread in others:
        thread.start()
    suffer_with(rig)
    deliveries_of(rig)
    for thread in others:
        thread.join()
    return results, wrong


if __name__ == "__main__":
    sys.exit(main())
