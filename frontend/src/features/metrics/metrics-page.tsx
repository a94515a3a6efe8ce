/** How the system did over a range of time: one chart per measure, all under one cursor. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Series, TimeSeries, type Tone } from "@/components/charts";
import { Page } from "@/components/ui/page";
import { Skeleton } from "@/components/ui/states";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { metricsQuery } from "@/lib/api/monitoring";
import type { MetricName, Metrics, MetricsRange } from "@/lib/api/types";

const RANGES: { value: MetricsRange; label: string }[] = [
  { value: "15m", label: "15 min" },
  { value: "1h", label: "1 hour" },
  { value: "6h", label: "6 hours" },
  { value: "24h", label: "24 hours" },
  { value: "7d", label: "7 days" },
];

interface Measure {
  name: MetricName;
  title: string;
  unit: string;
  tone: Tone;
  ceiling?: number;
  whole?: boolean;
}

const MEASURES: Measure[] = [
  { name: "throughput", title: "Command runs finished", unit: "/min", tone: "ok" },
  { name: "running_workflows", title: "Workflow runs in progress", unit: "", tone: "run", whole: true },
  { name: "queue_depth", title: "Commands waiting", unit: "", tone: "warn", whole: true },
  { name: "active_agents", title: "Active agents", unit: "", tone: "ok", whole: true },
  { name: "api_ms", title: "API response, median", unit: "ms", tone: "run" },
  { name: "cpu", title: "Processor", unit: "%", tone: "run", ceiling: 100 },
  { name: "memory", title: "Memory", unit: "MB", tone: "run" },
];

const GRID = "grid gap-3 lg:grid-cols-2 lg:*:first:col-span-2";
const CARD = "card h-64 px-4 pt-1 pb-2";

interface MetricsPageProps {
  range: MetricsRange;
  onRange: (range: MetricsRange) => void;
}

export function MetricsPage({ range, onRange }: MetricsPageProps) {
  const query = useQuery({
    ...metricsQuery(range),
    refetchInterval: ({ state }) => pause(range, state.data),
  });
  return (
    <Page
      title="Metrics"
      actions={
        <FilterButtons
          label="Range"
          options={RANGES}
          value={range}
          onChange={(value) => onRange(value as MetricsRange)}
        />
      }
    >
      <Loaded framed query={query} what="The measurements could not be loaded" skeleton={<ChartsSkeleton />}>
        {(metrics) => (
          <div className={GRID} aria-busy={query.isPlaceholderData}>
            {MEASURES.map((measure) => (
              <Chart key={measure.name} measure={measure} metrics={metrics} />
            ))}
          </div>
        )}
      </Loaded>
    </Page>
  );
}

/** The finest range grows by the socket; the others gain a point only once per step of theirs. */
function pause(range: MetricsRange, metrics: Metrics | undefined): number {
  return range === "15m" ? 60_000 : Math.max(30, metrics?.step_seconds ?? 0) * 1000;
}

function Chart({ measure, metrics }: { measure: Measure; metrics: Metrics }) {
  const { name, title, unit, tone, ceiling, whole } = measure;
  const values = metrics.series[name];
  const series = useMemo(
    (): Series[] => [{ key: name, label: title, values: values ?? [], tone }],
    [name, title, values, tone],
  );
  return (
    <TimeSeries
      title={title}
      at={metrics.at}
      series={series}
      unit={unit}
      ceiling={ceiling}
      whole={whole}
      syncKey="metrics"
      className={CARD}
    />
  );
}

function ChartsSkeleton() {
  return (
    <div role="status" aria-label="Loading" className={GRID}>
      {MEASURES.map(({ name }) => (
        <Skeleton key={name} className="h-64" />
      ))}
    </div>
  );
}
