/** Agents that need a human come first; within a status by name. */
import { statusOrder } from "@/components/status";
import type { Attention, DashboardAgent, OpenAlert } from "@/lib/api/types";
import { plural } from "@/lib/format";

export function attentionFirst(status: string): number {
  const place = statusOrder.indexOf(status);
  return place < 0 ? statusOrder.length : place;
}

export function byAttention(agents: readonly DashboardAgent[]): DashboardAgent[] {
  return [...agents].sort(
    (a, b) => attentionFirst(a.status) - attentionFirst(b.status) || a.name.localeCompare(b.name),
  );
}

/** The second line must follow the status: an agent in error never "waits for work". */
export function secondLine(agent: DashboardAgent): string {
  const { status, current_task: task, last_error: error, status_reason: reason } = agent;
  if (status === "error") return error || reason || "Failed without saying why";
  if (status === "offline") return reason || "Not heard from";
  if (status === "paused") return task || reason || "Takes no new work";
  if (status === "waiting") return task || reason || "Waiting for a person";
  if (status === "busy") return task || "Working";
  return task || "Ready for work";
}

/** The part of "needs attention" that agents and alerts tell; the server knows of runs and approvals too. */
export function knownAttention(agents: readonly DashboardAgent[], alerts: readonly OpenAlert[]): Attention[] {
  const having = (status: string) => agents.filter((agent) => agent.status === status).length;
  const [failing, silent] = [having("error"), having("offline")];
  const items: Attention[] = [
    {
      kind: "error_agents",
      level: "error",
      count: failing,
      title: `${plural(failing, "agent")} in error`,
      url: "/agents?status=error",
    },
    {
      kind: "offline_agents",
      level: "warning",
      count: silent,
      title: `${plural(silent, "agent")} offline`,
      url: "/agents?status=offline",
    },
    {
      kind: "alerts",
      level: "warning",
      count: alerts.length,
      title: plural(alerts.length, "open alert"),
      url: "/alerts",
    },
  ];
  return items.filter(({ count }) => count > 0);
}
