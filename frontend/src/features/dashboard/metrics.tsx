import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { TimeSeries } from "@/components/charts";
import { Card } from "@/components/ui/card";
import { ErrorState, Skeleton } from "@/components/ui/states";
import { metricsQuery } from "@/lib/api/monitoring";
import type { MetricsRange } from "@/lib/api/types";
import { cx } from "@/lib/cx";

type Range = Exclude<MetricsRange, "7d">;
type Props = { range: Range; className?: string };

const ranges: { value: Range; label: string; words: string }[] = [
  { value: "15m", label: "15 min", words: "last 15 minutes" },
  { value: "1h", label: "1 h", words: "last hour" },
  { value: "6h", label: "6 h", words: "last 6 hours" },
  { value: "24h", label: "24 h", words: "last 24 hours" },
];
const wordsOf = (range: Range) => ranges.find((each) => each.value === range)?.words;

/** 15 minutes are kept current by the socket; the longer ranges are aggregated by the server. */
function useMetrics(range: Range) {
  return useQuery({
    ...metricsQuery(range),
    refetchInterval: ({ state }) =>
      range === "15m" ? false : Math.max(20, state.data?.step_seconds ?? 60) * 1000,
  });
}

function RangePicker({ range }: { range: Range }) {
  const navigate = useNavigate({ from: "/" });
  return (
    <fieldset className="flex rounded-control border" aria-label="Time range">
      {ranges.map(({ value, label }) => (
        <label
          key={value}
          className="relative flex h-7 cursor-pointer items-center rounded-control px-2 text-meta text-muted hover:text-fg has-checked:bg-surface-2 has-checked:text-fg has-focus-visible:outline-2 has-focus-visible:outline-accent max-md:h-11 max-md:px-3"
        >
          <input
            type="radio"
            name="range"
            className="absolute size-px opacity-0"
            checked={range === value}
            onChange={() => void navigate({ search: { range: value }, replace: true, resetScroll: false })}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

export function Throughput({ range, className }: Props) {
  const { data, error, refetch } = useMetrics(range);
  return (
    <Card
      title="Throughput"
      note={wordsOf(range)}
      className={className}
      actions={<RangePicker range={range} />}
      bodyClassName="px-4 pb-3 pt-1"
    >
      {data ? (
        <TimeSeries
          title="Command runs finished per minute"
          at={data.at}
          series={[{ key: "throughput", label: "Command runs", values: data.series.throughput, tone: "run" }]}
          unit="per min"
          syncKey="dashboard"
          className="h-full"
        />
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The metrics could not be loaded" />
      ) : (
        <Skeleton className="h-full" />
      )}
    </Card>
  );
}

export function SystemMetrics({ range, className }: Props) {
  const { data, error, refetch } = useMetrics(range);
  const common = data && { at: data.at, syncKey: "dashboard", className: "h-[186px]" };
  return (
    <Card title="System" note={wordsOf(range)} className={className} bodyClassName="p-4">
      {data && common ? (
        <div className={cx("grid gap-x-6 gap-y-3 md:grid-cols-2")}>
          <TimeSeries
            {...common}
            title="API response time"
            unit="ms"
            series={[{ key: "api", label: "Median", values: data.series.api_ms, tone: "run" }]}
          />
          <TimeSeries
            {...common}
            title="Queue depth"
            unit=""
            series={[{ key: "queue", label: "Waiting", values: data.series.queue_depth, tone: "warn" }]}
          />
          <TimeSeries
            {...common}
            title="CPU"
            unit="%"
            ceiling={100}
            series={[{ key: "cpu", label: "CPU", values: data.series.cpu, tone: "run" }]}
          />
          <TimeSeries
            {...common}
            title="Memory"
            unit="%"
            ceiling={100}
            series={[{ key: "memory", label: "Memory", values: data.series.memory, tone: "neutral" }]}
          />
        </div>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The metrics could not be loaded" />
      ) : (
        <Skeleton className="h-[384px]" />
      )}
    </Card>
  );
}
