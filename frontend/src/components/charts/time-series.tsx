/** A chart over time with its title, its present value, a summary in words and the same numbers as a table. */
import { ChartLine, Table2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import { patiently } from "@/lib/new-build";
import { formatMoment, formatValue } from "./format";
import { hasData, lastValue, type Series, summarise } from "./series";

const Canvas = lazy(() => patiently(() => import("./time-series-canvas")));

export interface TimeSeriesProps {
  title: string;
  /** Seconds since 1970, one per value of each series. */
  at: readonly number[];
  series: readonly Series[];
  unit?: string;
  /** Top of the scale when it is fixed, such as 100 for a percentage. */
  ceiling?: number;
  /** Only whole numbers make sense, so only they are marked. */
  whole?: boolean;
  /** Charts with the same key share their cursor. */
  syncKey?: string;
  /** Shown where there is nothing to draw. */
  empty?: ReactNode;
  className?: string;
}

const COLLECTING = "Nothing measured in this range yet.";

export function TimeSeries(props: TimeSeriesProps) {
  const { title, at, series, unit = "", ceiling, whole, syncKey, empty = COLLECTING, className = "" } = props;
  const [asTable, setAsTable] = useState(false);
  const readout = useRef<HTMLSpanElement>(null);
  const span = (at.at(-1) ?? 0) - (at[0] ?? 0);
  const now = series.length === 1 ? formatValue(lastValue(series[0]?.values ?? []), unit) : "";

  // Written straight into the node: a cursor moves up to 60 times a second, over every chart that shares it.
  function showValueAt(index: number | null) {
    const moment = index === null ? undefined : at[index];
    if (!readout.current) return;
    readout.current.textContent =
      moment === undefined || index === null
        ? now
        : `${series.map((one) => readingOf(one, index, series.length, unit)).join(" · ")} at ${formatMoment(moment, span)}`;
  }

  const filled = hasData(series);
  return (
    <section aria-label={title} className={`flex min-h-0 min-w-0 flex-col ${className}`}>
      <header className="flex h-8 items-center gap-3">
        <h2 className="truncate text-table font-semibold">{title}</h2>
        <span ref={readout} className="ml-auto truncate text-meta text-muted tnum">
          {now}
        </span>
        <button
          type="button"
          aria-pressed={asTable}
          aria-label={asTable ? `Show ${title} as chart` : `Show ${title} as table`}
          title={asTable ? "Show as chart" : "Show as table"}
          onClick={() => setAsTable(!asTable)}
          className="grid size-8 shrink-0 place-items-center rounded-control text-muted hover:bg-surface-2 hover:text-fg"
        >
          {asTable ? <ChartLine size={14} aria-hidden /> : <Table2 size={14} aria-hidden />}
        </button>
      </header>
      <div className="relative min-h-40 flex-1">
        {!filled ? (
          <p className="absolute inset-0 grid place-items-center text-muted">{empty}</p>
        ) : asTable ? (
          <ValueTable title={title} at={at} series={series} unit={unit} span={span} />
        ) : (
          <div role="img" aria-label={summarise(title, at, series, unit)} className="absolute inset-0">
            <Suspense fallback={<div className="absolute inset-0 rounded-control bg-surface-2/60" />}>
              <Canvas
                {...{ at, series, unit, ceiling, whole, syncKey }}
                labelled={series.length > 1}
                onCursor={showValueAt}
              />
            </Suspense>
          </div>
        )}
      </div>
    </section>
  );
}

function readingOf(series: Series, index: number, count: number, unit: string): string {
  const value = formatValue(series.values[index], unit);
  return count > 1 ? `${series.label} ${value}` : value;
}

interface ValueTableProps {
  title: string;
  at: readonly number[];
  series: readonly Series[];
  unit: string;
  span: number;
}

function ValueTable({ title, at, series, unit, span }: ValueTableProps) {
  return (
    <section
      className="absolute inset-0 overflow-auto"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      aria-label={`${title}, values`}
    >
      <table className="w-full text-meta tnum">
        <thead className="sticky top-0 bg-surface text-left text-muted">
          <tr>
            <th className="py-1 pr-3 font-normal">Time</th>
            {series.map(({ key, label }) => (
              <th key={key} className="py-1 pl-3 text-right font-normal">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at
            .map((moment, index) => ({ moment, index }))
            .reverse()
            .map(({ moment, index }) => (
              <tr key={moment} className="border-t border-border">
                <td className="py-1 pr-3 text-muted">{formatMoment(moment, span)}</td>
                {series.map(({ key, values }) => (
                  <td key={key} className="py-1 pl-3 text-right">
                    {formatValue(values[index], unit)}
                  </td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}
