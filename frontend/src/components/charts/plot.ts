/** The uPlot side of a chart: options, colours and direct labels. Only the lazy canvas chunk imports this. */
import type uPlot from "uplot";
import { formatTicks, formatValue } from "./format";
import { isolatedPoints, type Series, spreadLabels, type Tone, yRange } from "./series";

export interface PlotSettings {
  series: readonly Series[];
  unit: string;
  ceiling?: number | undefined;
  /** Only whole numbers make sense, so only they are marked. */
  whole?: boolean | undefined;
  syncKey?: string | undefined;
  labelled: boolean;
  onCursor: (index: number | null) => void;
}

const dashes: Record<Tone, number[] | undefined> = {
  run: undefined,
  ok: undefined,
  neutral: undefined,
  err: [6, 4],
  warn: [1.5, 4],
};

const variables: Record<Tone | "grid" | "axis" | "surface", string> = {
  run: "--run",
  ok: "--ok",
  err: "--err",
  warn: "--warn",
  neutral: "--muted",
  grid: "--border",
  axis: "--muted",
  surface: "--surface",
};

/** A colour of the theme as it is now: read at each draw, so a redraw is all a theme change needs. */
function colour(plot: uPlot, role: keyof typeof variables): string {
  return getComputedStyle(plot.root).getPropertyValue(variables[role]).trim() || "#888";
}

/** Steps of the value axis: 1, 2 or 5 times a power of ten. */
const INCREMENTS = Array.from({ length: 14 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** (power - 3)),
).flat();

const FONT = '11px "Inter Variable", Inter, system-ui, sans-serif';
const LABEL_WIDTH = 76;

export function plotOptions(settings: PlotSettings, width: number, height: number): uPlot.Options {
  const { series, unit, ceiling, whole, syncKey, labelled, onCursor } = settings;
  return {
    width,
    height,
    padding: [8, labelled ? LABEL_WIDTH : 16, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7, width: 2, fill: (plot) => colour(plot, "surface") },
      ...(syncKey ? { sync: { key: syncKey, setSeries: false } } : {}),
    },
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => yRange(max, ceiling) } },
    axes: [xAxis(), yAxis(unit, whole)],
    series: [{}, ...series.map(line)],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: labelled ? [(plot) => drawLabels(plot, series)] : [],
    },
  };
}

function line(series: Series): uPlot.Series {
  const tone = series.tone ?? "run";
  const dash = dashes[tone];
  return {
    label: series.label,
    width: 1.5,
    ...(dash ? { dash } : {}),
    stroke: (plot) => colour(plot, tone),
    spanGaps: false,
    points: {
      show: true,
      size: 5,
      fill: (plot: uPlot) => colour(plot, tone),
      filter: (plot, index) => isolatedPoints(plot.data[index] as (number | null)[]),
    },
  };
}

function xAxis(): uPlot.Axis {
  return {
    font: FONT,
    size: 24,
    gap: 4,
    space: 72,
    stroke: (plot) => colour(plot, "axis"),
    grid: { show: false },
    ticks: { show: true, size: 4, width: 1, stroke: (plot) => colour(plot, "grid") },
    values: (_plot, ticks, _axis, _space, step) => formatTicks(ticks, step),
  };
}

function yAxis(unit: string, whole = false): uPlot.Axis {
  return {
    font: FONT,
    size: (_plot, values) => 14 + 6.5 * Math.max(2, ...(values ?? []).map((value) => value.length)),
    gap: 4,
    space: 36,
    incrs: whole ? INCREMENTS.filter((step) => step >= 1) : INCREMENTS,
    stroke: (plot) => colour(plot, "axis"),
    grid: { show: true, width: 1, stroke: (plot) => colour(plot, "grid") },
    ticks: { show: false },
    values: (_plot, ticks) => ticks.map((tick) => formatValue(tick, unit === "%" ? "%" : "")),
  };
}

/** Writes each series' name at the end of its line: nobody has to match a legend by colour. */
function drawLabels(plot: uPlot, series: readonly Series[]): void {
  const ends = series.flatMap((one, index) => {
    const values = plot.data[index + 1] ?? [];
    for (let at = values.length - 1; at >= 0; at--) {
      const value = values[at];
      if (value != null)
        return [{ label: one.label, tone: one.tone ?? "run", y: plot.valToPos(value, "y", true) }];
    }
    return [];
  });
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const spread = spreadLabels(
    ends.map((end) => end.y),
    13 * scale,
    bbox.top + bbox.height,
  );
  ctx.save();
  ctx.font = FONT.replace("11px", `${11 * scale}px`);
  ctx.textBaseline = "middle";
  ends.forEach((end, index) => {
    ctx.fillStyle = colour(plot, end.tone);
    ctx.fillText(end.label, bbox.left + bbox.width + 6 * scale, spread[index] ?? end.y);
  });
  ctx.restore();
}
