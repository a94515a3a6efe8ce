/** Plain facts about series: scale, gaps, summaries. No drawing here. */
import { formatMoment, formatValue } from "./format";

export type Tone = "run" | "ok" | "err" | "warn" | "neutral";

export interface Series {
  key: string;
  label: string;
  /** One value per point of time; null is a gap and is never drawn as 0. */
  values: readonly (number | null)[];
  tone?: Tone;
}

/** The scale starts at 0 and ends on a round number above the largest value. */
export function yRange(max: number | null | undefined, ceiling?: number): [number, number] {
  if (ceiling !== undefined) return [0, ceiling];
  if (!max || max <= 0 || !Number.isFinite(max)) return [0, 1];
  const magnitude = 10 ** Math.floor(Math.log10(max));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * magnitude >= max * 1.05) ?? 12;
  return [0, step * magnitude];
}

/** Points with a gap on both sides: a line cannot show them, so they are drawn as dots. */
export function isolatedPoints(values: readonly (number | null | undefined)[]): number[] {
  const result: number[] = [];
  for (let index = 0; index < values.length; index++) {
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) result.push(index);
  }
  return result;
}

export function lastValue(values: readonly (number | null)[]): number | null {
  for (let index = values.length - 1; index >= 0; index--) {
    const value = values[index];
    if (value != null) return value;
  }
  return null;
}

export function hasData(series: readonly Series[]): boolean {
  return series.some(({ values }) => values.some((value) => value != null));
}

/** What a sighted reader takes from the chart at a glance, in words. */
export function summarise(
  title: string,
  at: readonly number[],
  series: readonly Series[],
  unit = "",
): string {
  const first = at[0];
  const last = at.at(-1);
  if (first === undefined || last === undefined || !hasData(series)) return `${title}: no data yet.`;
  const span = last - first;
  const parts = series.map(({ label, values }) => {
    const known = values.filter((value): value is number => value != null);
    if (known.length === 0) return `${label}: no data`;
    const [low, high] = [Math.min(...known), Math.max(...known)].map((value) => formatValue(value, unit));
    return `${label}: now ${formatValue(lastValue(values), unit)}, between ${low} and ${high}`;
  });
  return `${title} from ${formatMoment(first, span)} to ${formatMoment(last, span)}. ${parts.join(". ")}.`;
}

/** Moves labels apart until each is `gap` below the one above; both lists are in the order given. */
export function spreadLabels(positions: readonly number[], gap: number, bottom: number): number[] {
  const order = positions.map((_, index) => index).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
  const result = [...positions];
  let previous = Number.NEGATIVE_INFINITY;
  for (const index of order) {
    result[index] = Math.max(result[index] ?? 0, previous + gap);
    previous = result[index];
  }
  const overflow = previous - bottom;
  return overflow > 0 ? result.map((position) => position - overflow) : result;
}
