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
    const { from, until } = timesOf(step);
    if (from === null) continue;
    startedAt = Math.min(startedAt, from);
    endedAt = Math.max(endedAt, until ?? now);
  }
  return { startedAt, totalSeconds: Math.max(1000, endedAt - startedAt) / 1000 };
}

export function barOf(step: TimedStep, { startedAt, totalSeconds }: Span, now: number): Bar {
  const { from: begin, until } = timesOf(step);
  if (begin === null) return { key: step.key, left: null, width: 0, seconds: null };
  const total = totalSeconds * 1000;
  const lasted = Math.max(0, (until ?? now) - begin);
  const width = Math.max(MIN_WIDTH, (lasted / total) * 100);
  const left = Math.min(((begin - startedAt) / total) * 100, 100 - width);
  return { key: step.key, left, width, seconds: lasted / 1000 };
}

interface Times {
  from: number | null;
  until: number | null;
}

/** Read once for each state of a step: of a thousand steps an update changes one. */
const known = new WeakMap<TimedStep, Times>();

function timesOf(step: TimedStep): Times {
  let times = known.get(step);
  if (!times) {
    const { started_at: from, completed_at: until } = step;
    times = { from: from ? Date.parse(from) : null, until: until ? Date.parse(until) : null };
    known.set(step, times);
  }
  return times;
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
