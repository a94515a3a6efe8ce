/** Where the bars of a run's timeline start and end. Plain numbers; the clock is passed in. */
import { duration } from "@/lib/format";

export interface TimedStep {
  key: string;
  status: string;
  started_at: string | null;
  completed_at: string | null;
}

export interface Bar {
  key: string;
  /** Percent of the width; null while the step has not started. */
  left: number | null;
  width: number;
  seconds: number | null;
}

/** From when to when the axis goes. */
export interface Span {
  startedAt: number;
  totalSeconds: number;
}

/** Bars thinner than this percentage would be invisible. */
const MIN_WIDTH = 0.75;

export function spanOf(
  run: { started_at: string | null; created_at: string; completed_at: string | null },
  steps: readonly TimedStep[],
  now: number,
): Span {
  let startedAt = Date.parse(run.started_at ?? run.created_at);
  let endedAt = run.completed_at ? Date.parse(run.completed_at) : now;
  for (const step of steps) {
    if (!step.started_at) continue;
    startedAt = Math.min(startedAt, Date.parse(step.started_at));
    endedAt = Math.max(endedAt, endOf(step, now));
  }
  return { startedAt, totalSeconds: Math.max(1000, endedAt - startedAt) / 1000 };
}

export function barOf(step: TimedStep, { startedAt, totalSeconds }: Span, now: number): Bar {
  if (!step.started_at) return { key: step.key, left: null, width: 0, seconds: null };
  const begin = Date.parse(step.started_at);
  const total = totalSeconds * 1000;
  const lasted = Math.max(0, endOf(step, now) - begin);
  const width = Math.max(MIN_WIDTH, (lasted / total) * 100);
  const left = Math.min(((begin - startedAt) / total) * 100, 100 - width);
  return { key: step.key, left, width, seconds: lasted / 1000 };
}

function endOf(step: TimedStep, now: number): number {
  return step.completed_at ? Date.parse(step.completed_at) : now;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/** A round number of seconds in its largest unit: "30 s", "20 m", "2 h". */
export function tickLabel(seconds: number): string {
  for (const [size, unit] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "m"],
  ] as const)
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  return seconds < 60 ? `${seconds} s` : duration(seconds);
}

/** Seconds at which a timeline draws a line: round numbers, about `wanted` of them. */
export function ticksOf(totalSeconds: number, wanted = 5): number[] {
  const step =
    STEPS.find((seconds) => totalSeconds / seconds <= wanted) ??
    86_400 * Math.ceil(totalSeconds / 86_400 / wanted);
  const ticks: number[] = [];
  for (let at = 0; at <= totalSeconds && ticks.length < 20; at += step) ticks.push(at);
  return ticks;
}
