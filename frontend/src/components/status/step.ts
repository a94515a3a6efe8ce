/** How a step is shown: steps without an agent wait for people or for time, and say so. */
import type { StepKind } from "@/lib/api/types";
import { words } from "@/lib/format";

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
}): string {
  if (step.kind === "approval") return "People";
  if (step.kind === "wait") return "Timer";
  const agent = typeof step.agent === "string" ? words(step.agent) : step.agent?.name;
  return agent || step.command || "";
}
