/** What a graph or outline shows of a step, of a definition or of a run. */
import { lookOf } from "@/components/status";

export interface DagStep {
  key: string;
  name: string;
  needs: readonly string[];
  /** Second line: the agent or, in a definition, the command. */
  who: string;
  /** Absent in a definition. */
  status?: string | undefined;
  progress?: number | undefined;
  waitReason?: string | null | undefined;
}

export function describeStep(step: DagStep): string {
  const status = step.status === undefined ? "" : lookOf(step.status).label;
  return [step.name, status, step.who, step.waitReason].filter(Boolean).join(", ");
}
