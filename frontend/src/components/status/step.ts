/** How a step is shown: steps without an agent wait for people or for time, and say so. */
import type { StepKind } from "@/lib/api/types";
import { plural, words } from "@/lib/format";

interface ShownStep {
  kind?: StepKind | undefined;
  status: string;
}

/** The status whose word and shape fit the step: a question to people has a hand, a wait an hourglass. */
export function stepStatus({ kind, status }: ShownStep): string {
  return kind === "approval" && status === "waiting" ? "approval" : status;
}

/** Who or what does the step: the agent once it is known, until then its command or its kind. */
export function doerOf(step: {
  kind?: ShownStep["kind"];
  agent?: { name: string } | string | null;
  command?: string | null;
  workflow?: string | null;
  items?: { total: number } | null;
}): string {
  if (step.kind === "approval") return "People";
  if (step.kind === "wait") return "Timer";
  if (step.kind === "http") return "HTTP request";
  if (step.kind === "map" && step.items) return plural(step.items.total, "item");
  if (step.workflow) return `Workflow ${words(step.workflow)}`;
  const agent = typeof step.agent === "string" ? words(step.agent) : step.agent?.name;
  return agent || step.command || "";
}
