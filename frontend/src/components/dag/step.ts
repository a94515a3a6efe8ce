/** What a graph or outline shows of a step, of a definition or of a run. */
import { lookOf } from "@/components/status";
import type { Step, StepKind } from "@/lib/api/types";
import { count } from "@/lib/format";

export interface DagStep {
  key: string;
  name: string;
  needs: readonly string[];
  /** Second line: the agent or, in a definition, the command. */
  who: string;
  /** Anything but an agent's work. */
  kind?: StepKind | undefined;
  /** Absent in a definition. */
  status?: string | undefined;
  progress?: number | undefined;
  waitReason?: string | null | undefined;
  /** How many items of a map are in which state. */
  items?: ItemCounts | null | undefined;
}

export type ItemCounts = NonNullable<Step["items"]>;

export function describeStep(step: DagStep): string {
  const status = step.status === undefined ? "" : lookOf(step.status).label;
  const items = step.items && describeItems(step.items);
  return [step.name, status, items ?? step.who, step.waitReason].filter(Boolean).join(", ");
}

/** "412 of 1,000 done, 3 failed". */
export function describeItems({ total, completed, failed, cancelled }: ItemCounts): string {
  const done = completed + failed + cancelled;
  return `${count(done)} of ${count(total)} done${failed > 0 ? `, ${count(failed)} failed` : ""}`;
}

/** While people or the clock are waited for, that is what the box has room to say. */
export function waitsFor(step: DagStep): string | undefined {
  const waits = step.status === "waiting" || step.status === "approval" || step.status === "paused";
  return (waits && step.waitReason) || undefined;
}

const kindStatuses: { [Kind in StepKind]?: string } = { approval: "approval", wait: "waiting" };

/** The icon of steps that no agent does, while they have no status to show. */
export function kindStatus(step: DagStep): string | undefined {
  if (step.status !== undefined) return undefined;
  return step.kind && kindStatuses[step.kind];
}
