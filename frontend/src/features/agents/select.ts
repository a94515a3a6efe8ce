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
  const named = inNameOrder(agents);
  if (sort === "name") return named;
  const rankOf = sort === "active" ? lastActive : urgency;
  const values = new Map(named.map((agent) => [agent.id, rankOf(agent)]));
  return named.sort((a, b) => (values.get(a.id) ?? 0) - (values.get(b.id) ?? 0));
}

const lastActive = ({ last_active }: DashboardAgent) => (last_active ? -Date.parse(last_active) : 0);

const ranks = new Map(statusOrder.map((status, place) => [status, place]));
const urgency = ({ status }: DashboardAgent) => ranks.get(status) ?? statusOrder.length;

/** Comparing 10,000 names by the rules of a language costs a frame, and names hardly change: the last order is kept. */
let last: { names: string[]; order: number[] } = { names: [], order: [] };

function inNameOrder(agents: readonly DashboardAgent[]): DashboardAgent[] {
  const isSame =
    agents.length === last.names.length && agents.every(({ name }, at) => name === last.names[at]);
  if (!isSame) {
    const all = agents.map(({ name }) => name);
    const order = all.map((_, at) => at).sort((a, b) => names.compare(all[a] ?? "", all[b] ?? ""));
    last = { names: all, order };
  }
  return last.order.flatMap((at) => agents[at] ?? []);
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
