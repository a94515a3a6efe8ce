/** Which agents a page shows and in which order. Pure: the same agents and the same search give the same list. */
import { statusOrder } from "@/components/status";
import type { DashboardAgent } from "@/lib/api/types";

export const SORTS = ["attention", "name", "active"] as const;
export type Sort = (typeof SORTS)[number];
export type AgentsSearch = {
  status?: string;
  q?: string;
  type?: string;
  sort?: Sort;
  view?: "cards" | "table";
};

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function found(agents: readonly DashboardAgent[], { q = "", type }: AgentsSearch): DashboardAgent[] {
  const terms = q.toLowerCase().split(/\s+/).filter(Boolean);
  if (terms.length === 0 && !type) return [...agents];
  return agents.filter((agent) => {
    if (type && agent.type !== type) return false;
    const text =
      `${agent.name} ${agent.type} ${agent.current_task ?? ""} ${agent.capabilities.join(" ")}`.toLowerCase();
    return terms.every((term) => text.includes(term));
  });
}

export function countByStatus(agents: readonly DashboardAgent[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of agents) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

export function ordered(agents: readonly DashboardAgent[], sort: Sort = "attention"): DashboardAgent[] {
  const byName = (a: DashboardAgent, b: DashboardAgent) => names.compare(a.name, b.name);
  if (sort === "name") return [...agents].sort(byName);
  if (sort === "active") {
    const at = new Map(agents.map(({ id, last_active }) => [id, last_active ? Date.parse(last_active) : 0]));
    return [...agents].sort((a, b) => (at.get(b.id) ?? 0) - (at.get(a.id) ?? 0) || byName(a, b));
  }
  const rank = new Map(statusOrder.map((status, place) => [status, place]));
  const placeOf = ({ status }: DashboardAgent) => rank.get(status) ?? statusOrder.length;
  return [...agents].sort((a, b) => placeOf(a) - placeOf(b) || byName(a, b));
}

/** The second line of an agent follows its status: an agent in error says why, never "waiting for work". */
export function presentWords({
  status,
  current_task,
  last_error,
}: Pick<DashboardAgent, "status" | "current_task" | "last_error">): string {
  if (status === "error") return last_error || "Failed without a message";
  if (status === "offline") return "Not heard from";
  if (status === "paused") return "Gets no new work until resumed";
  if (current_task) return current_task;
  if (status === "waiting") return "Waits before it can go on";
  return status === "idle" ? "Ready for work" : "Working";
}
