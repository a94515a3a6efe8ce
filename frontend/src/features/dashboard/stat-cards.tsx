import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Sparkline } from "@/components/charts/sparkline";
import { ErrorState, Skeleton } from "@/components/ui/states";
import { useAgentStatus, useDashboardStats, useSettled } from "@/hooks";
import { metricsQuery } from "@/lib/api/monitoring";
import type { AgentStatus, DashboardAgent, Metrics, Stats } from "@/lib/api/types";
import { count, megabytes, milliseconds, plural } from "@/lib/format";
import { attentionFirst } from "./order";

export function StatCards() {
  const { data: stats, error, refetch } = useDashboardStats();
  const { data: agents } = useAgentStatus();
  const { data: metrics } = useQuery({ ...metricsQuery("15m"), enabled: useSettled() });
  if (error && !stats) {
    return (
      <section aria-label="Figures" className="card lg:col-span-3">
        <ErrorState
          error={error}
          retry={() => void refetch()}
          what="The figures could not be loaded"
          className="py-4"
        />
      </section>
    );
  }
  return (
    <ul aria-label="Figures" className="grid grid-cols-2 gap-3 lg:col-span-3 lg:grid-cols-4">
      {cards(stats, agents, metrics).map((card) => (
        <li key={card.label} className="min-w-0">
          <StatCard {...card} loading={!stats} />
        </li>
      ))}
    </ul>
  );
}

type CardProps = {
  label: string;
  value: string;
  /** Beside the value: "of 16", "running". */
  unit: ReactNode;
  note: ReactNode;
  link: LinkProps;
  values: readonly (number | null)[] | undefined;
};

function cards(
  stats: Stats | undefined,
  agents: DashboardAgent[] | undefined,
  metrics: Metrics | undefined,
): CardProps[] {
  return [
    {
      label: "Agents",
      value: count(stats?.active_agents),
      unit: `of ${count(stats?.total_agents)} active`,
      note: agents && breakdown(agents),
      link: { to: "/agents" },
      values: metrics?.series.active_agents,
    },
    {
      label: "Workflows",
      value: count(stats?.running_workflows),
      unit: "running",
      note: stats && `${plural(stats.total_workflows, "run")} in total`,
      link: { to: "/runs" },
      values: metrics?.series.running_workflows,
    },
    {
      label: "Commands",
      value: count(stats?.commands_executed_today),
      unit: "run today",
      note: stats && `${count(stats.total_commands)} in the catalogue`,
      link: { to: "/commands" },
      values: metrics?.series.throughput,
    },
    {
      label: "Response time",
      value: milliseconds(stats?.api_response_time_ms),
      unit: (
        <>
          median<span className="max-sm:hidden">, 5 min</span>
        </>
      ),
      note: stats && `${megabytes(stats.storage_used_mb)} stored`,
      link: { to: "/metrics" },
      values: metrics?.series.api_ms,
    },
  ];
}

const said: Partial<Record<AgentStatus, string>> = {
  error: "in error",
  offline: "offline",
  waiting: "waiting",
  paused: "paused",
  busy: "busy",
  idle: "idle",
};

/** "1 in error, 2 offline": the two groups that matter most. */
export function breakdown(agents: readonly DashboardAgent[]): string {
  const groups = new Map<AgentStatus, number>();
  for (const { status } of agents) groups.set(status, (groups.get(status) ?? 0) + 1);
  return [...groups]
    .sort(([a], [b]) => attentionFirst(a) - attentionFirst(b))
    .slice(0, 2)
    .map(([status, n]) => `${count(n)} ${said[status] ?? status}`)
    .join(", ");
}

function StatCard({ label, value, unit, note, link, values, loading }: CardProps & { loading: boolean }) {
  return (
    <Link
      {...link}
      className="card flex h-[92px] flex-col px-4 py-2.5 transition-colors duration-100 hover:border-muted max-sm:px-3"
    >
      <span className="text-meta text-muted">{label}</span>
      {loading ? (
        <Skeleton className="mt-1 h-6 w-20" />
      ) : (
        <span className="flex items-baseline gap-1.5 truncate">
          <span className="tnum text-stat font-semibold" data-stat={label}>
            {value}
          </span>
          <span className="tnum truncate text-meta text-muted">{unit}</span>
        </span>
      )}
      <span className="mt-auto flex items-end justify-between gap-3">
        <span className="tnum truncate text-meta text-muted">{note ?? " "}</span>
        {values?.some((each) => each !== null) && (
          <Sparkline values={values.slice(-60)} className="h-5 w-24 shrink-0 max-sm:hidden" />
        )}
      </span>
    </Link>
  );
}
