import { describe, expect, it } from "vitest";
import { barOf, spanOf, type TimedStep, ticksOf } from "./timeline";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
const run = { created_at: at(0), started_at: at(0), completed_at: null as string | null };

function timelineOf(about: typeof run, steps: TimedStep[], now: number) {
  const span = spanOf(about, steps, now);
  return { totalSeconds: span.totalSeconds, bars: steps.map((step) => barOf(step, span, now)) };
}

describe("timeline", () => {
  it("places bars by time", () => {
    const steps = [
      { key: "a", status: "completed", started_at: at(0), completed_at: at(25) },
      { key: "b", status: "running", started_at: at(25), completed_at: null },
      { key: "c", status: "pending", started_at: null, completed_at: null },
    ];
    const { bars, totalSeconds } = timelineOf(run, steps, Date.parse(at(100)));
    expect(totalSeconds).toBe(100);
    expect(bars).toEqual([
      { key: "a", left: 0, width: 25, seconds: 25 },
      { key: "b", left: 25, width: 75, seconds: 75 },
      { key: "c", left: null, width: 0, seconds: null },
    ]);
  });

  it("stops growing when the run is over", () => {
    const over = { ...run, completed_at: at(10) };
    expect(timelineOf(over, [], Date.parse(at(500))).totalSeconds).toBe(10);
  });

  it("keeps the shortest bar visible and inside", () => {
    const steps = [{ key: "a", status: "completed", started_at: at(100), completed_at: at(100) }];
    const bar = timelineOf({ ...run, completed_at: at(100) }, steps, 0).bars[0];
    expect(bar?.width).toBeGreaterThan(0);
    expect((bar?.left ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(100);
  });
});

describe("ticks", () => {
  it.each([
    [4, [0, 1, 2, 3, 4]],
    [95, [0, 30, 60, 90]],
    [3600, [0, 900, 1800, 2700, 3600]],
  ])("of %d seconds are round", (total, ticks) => {
    expect(ticksOf(total)).toEqual(ticks);
  });
});
