import { useSearch } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Skeleton } from "@/components/ui/states";
import { useAgentStatus, useDashboardStats, useSettled } from "@/hooks";
import { patiently } from "@/lib/new-build";
import { AgentGrid } from "./agent-grid";
import { Attention } from "./attention";
import { FirstSteps } from "./first-steps";
import { StatCards } from "./stat-cards";
import { WorkflowMonitor } from "./workflow-monitor";

// Everything below needs a second request, so its code may come with it.
const EventFeed = lazy(() => patiently(() => import("./event-feed")));
const Throughput = lazy(() =>
  patiently(() => import("./metrics")).then(({ Throughput }) => ({ default: Throughput })),
);
const SystemMetrics = lazy(() =>
  patiently(() => import("./metrics")).then(({ SystemMetrics }) => ({ default: SystemMetrics })),
);

export function DashboardPage() {
  const { range = "15m" } = useSearch({ from: "/shell/" });
  useTitle();
  const { data: agents } = useAgentStatus();
  const settled = useSettled();
  const firstRun = agents?.length === 0;
  return (
    <div className="mx-auto grid w-full max-w-[1680px] grid-cols-1 gap-3 p-4 md:px-6 lg:grid-cols-3">
      <h1 className="sr-only">Dashboard</h1>
      <Attention />
      <StatCards />
      {firstRun && <FirstSteps />}
      <Later wait={!settled} className="h-[264px] max-lg:order-3 lg:col-span-2">
        <Throughput range={range} className="h-[264px] max-lg:order-3 lg:col-span-2" />
      </Later>
      <WorkflowMonitor className="h-[264px] max-lg:order-1" />
      {!firstRun && <AgentGrid className="max-lg:order-2 lg:col-span-3" />}
      <Later wait={!settled} className="h-[460px] max-lg:order-4 lg:col-span-2">
        <SystemMetrics range={range} className="max-lg:order-4 lg:col-span-2" />
      </Later>
      <Later wait={!settled} className="h-[460px] max-lg:order-5">
        <EventFeed className="h-[460px] max-lg:order-5" />
      </Later>
    </div>
  );
}

type LaterProps = { wait: boolean; className: string; children: ReactNode };
/** Code and data of the second rank: asked for once the first figures are on the screen. */
function Later({ wait, className, children }: LaterProps) {
  const placeholder = <Skeleton className={className} />;
  return wait ? placeholder : <Suspense fallback={placeholder}>{children}</Suspense>;
}

/** The tab says what runs, for who looks at it from another window. */
function useTitle(): void {
  const running = useDashboardStats().data?.running_workflows ?? 0;
  useEffect(() => {
    document.title = running > 0 ? `(${running}) Mission Control` : "Mission Control";
  }, [running]);
}
