/** Pure reading of a run: which step a page points at, what it waits for, how it ended. */
import type { DagStep } from "@/components/dag";
import type { Run, Step, StepStatus } from "@/lib/api/types";

const OVER = new Set<string>(["completed", "failed", "cancelled", "timed_out", "skipped"]);

export const isOver = (status: string): boolean => OVER.has(status);

export function dagSteps(run: Run): DagStep[] {
  return run.steps.map((step) => ({
    key: step.key,
    name: step.name,
    needs: step.needs,
    who: step.agent?.name ?? step.command,
    status: step.status,
    progress: step.progress,
    waitReason: step.wait_reason,
  }));
}

export function stepOf(run: Run, key: string | undefined): Step | undefined {
  return key === undefined ? undefined : run.steps.find((step) => step.key === key);
}

/** The steps an operator would ask about first: what runs now, else what failed. */
export function stepsOfInterest(run: Run): Step[] {
  const wanted: StepStatus[][] = [["running"], ["failed", "timed_out"], ["queued"]];
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
