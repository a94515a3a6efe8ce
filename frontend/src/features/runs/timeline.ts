/** Where the bars of a run's timeline start and end. Plain numbers; the clock is passed in. */

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

export interface Timeline {
  startedAt: number;
  totalSeconds: number;
  bars: Bar[];
}

/** Bars thinner than this percentage would be invisible. */
const MIN_WIDTH = 0.75;

export function timelineOf(
  run: { started_at: string | null; created_at: string; completed_at: string | null },
  steps: readonly TimedStep[],
  now: number,
): Timeline {
  const begins = steps.flatMap(({ started_at }) => (started_at ? [Date.parse(started_at)] : []));
  const startedAt = Math.min(Date.parse(run.started_at ?? run.created_at), ...begins);
  const ends = steps.flatMap((step) => (step.started_at ? [endOf(step, now)] : []));
  const endedAt = Math.max(run.completed_at ? Date.parse(run.completed_at) : now, startedAt + 1000, ...ends);
  const total = endedAt - startedAt;
  const bars = steps.map((step): Bar => {
    if (!step.started_at) return { key: step.key, left: null, width: 0, seconds: null };
    const begin = Date.parse(step.started_at);
    const lasted = Math.max(0, endOf(step, now) - begin);
    const width = Math.max(MIN_WIDTH, (lasted / total) * 100);
    const left = Math.min(((begin - startedAt) / total) * 100, 100 - width);
    return { key: step.key, left, width, seconds: lasted / 1000 };
  });
  return { startedAt, totalSeconds: total / 1000, bars };
}

function endOf(step: TimedStep, now: number): number {
  return step.completed_at ? Date.parse(step.completed_at) : now;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/** Seconds at which a timeline draws a line: round numbers, about `wanted` of them. */
export function ticksOf(totalSeconds: number, wanted = 5): number[] {
  const step =
    STEPS.find((seconds) => totalSeconds / seconds <= wanted) ??
    86_400 * Math.ceil(totalSeconds / 86_400 / wanted);
  const ticks: number[] = [];
  for (let at = 0; at <= totalSeconds && ticks.length < 20; at += step) ticks.push(at);
  return ticks;
}
