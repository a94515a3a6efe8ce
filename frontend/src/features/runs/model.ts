/** Pure reading of a run: which step a page points at, what it waits for, how it ended. */
import type { DagStep } from "@/components/dag";
import { doerOf, stepStatus } from "@/components/status";
import type { Run, Step, StepStatus } from "@/lib/api/types";
import { sentence } from "@/lib/format";
import { localTimes } from "@/lib/time";

const OVER = new Set<string>(["completed", "failed", "cancelled", "timed_out", "skipped"]);

export const isOver = (status: string): boolean => OVER.has(status);

/** Above so many steps the run is not read again for each change of one of them. */
const LARGE_RUN = 100;
export const isLarge = (run: Run): boolean => run.steps.length > LARGE_RUN;

/** How many of the run's steps are over, the items of its maps among them. */
export function doneOf(run: Run): number {
  return run.steps.reduce((sum, { status, items }) => {
    const done = items ? items.completed + items.failed + items.cancelled : 0;
    return sum + done + Number(isOver(status));
  }, 0);
}

const PREVIEW = 200;

/** A value in one line, cut when it is long. */
export function previewOf(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.slice(0, PREVIEW).replace(/\s+/g, " ");
}

/** One object for one state of a step, so that of a thousand only the changed ones are drawn again. */
const drawn = new WeakMap<Step, DagStep>();

export function dagSteps(run: Run): DagStep[] {
  return run.steps.map((step) => {
    const known = drawn.get(step);
    if (known) return known;
    const made: DagStep = {
      key: step.key,
      name: step.name,
      needs: step.needs,
      who: doerOf(step),
      kind: step.kind,
      status: stepStatus(step),
      progress: step.progress,
      waitReason: sentence(localTimes(step.wait_reason)),
      items: step.items,
    };
    drawn.set(step, made);
    return made;
  });
}

export function stepOf(run: Run, key: string | undefined): Step | undefined {
  return key === undefined ? undefined : run.steps.find((step) => step.key === key);
}

/** The steps an operator would ask about first: what runs or waits for somebody now, else what failed. */
export function stepsOfInterest(run: Run): Step[] {
  const wanted: StepStatus[][] = [["running", "waiting"], ["failed", "timed_out"], ["queued"]];
  for (const statuses of wanted) {
    const found = run.steps.filter(({ status }) => statuses.includes(status));
    if (found.length > 0) return found;
  }
  return [];
}

/** The next or previous step in the order of the list, for arrow keys. */
export function neighbour(run: Run, key: string | undefined, by: 1 | -1): string | undefined {
  const at = run.steps.findIndex((step) => step.key === key);
  const next = at < 0 ? (by > 0 ? 0 : run.steps.length - 1) : at + by;
  return run.steps[next]?.key;
}

const RETRIED = new Set<string>(["failed", "cancelled", "timed_out"]);

/**
 * The steps a retry does again, in the order of the run: what did not succeed and what was skipped
 * because of it; with `from` also that step and everything made from its output. The server decides;
 * this is what the question before it says.
 */
export function retriedSteps(run: Run, from?: string): Step[] {
  const again = new Set<string>();
  const redone = new Set<string>();
  const isRedone = (step: Step) => step.key === from || step.needs.some((need) => redone.has(need));
  const isAgain = (step: Step) =>
    RETRIED.has(step.status) ||
    redone.has(step.key) ||
    (step.status === "skipped" && step.needs.some((need) => again.has(need)));
  // A document may name a step before the one it needs: go on until nothing is added.
  for (let size = -1; size !== again.size + redone.size; ) {
    size = again.size + redone.size;
    for (const step of run.steps) {
      if (from !== undefined && isRedone(step)) redone.add(step.key);
      if (isAgain(step)) again.add(step.key);
    }
  }
  return run.steps.filter(({ key }) => again.has(key));
}

/** Why a retry is refused, in words for the person who wants it; undefined when it is possible. */
export function whyNoRetry(run: Run, step?: Step): string | undefined {
  if (!isOver(run.status)) return "This run is still going. Retry when it is over, or cancel it first.";
  if (step === undefined && retriedSteps(run).length === 0)
    return "Every step of this run succeeded. Choose a step to do it again from there.";
  return undefined;
}
