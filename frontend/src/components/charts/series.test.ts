import { describe, expect, it } from "vitest";
import { isolatedPoints, spreadLabels, summarise, yRange } from "./series";
import { sparkPath } from "./sparkline";

describe("scale", () => {
  it("starts at 0 and ends on a round number above the data", () => {
    expect(yRange(37)).toEqual([0, 40]);
    expect(yRange(0.4)).toEqual([0, 0.5]);
    expect(yRange(101)).toEqual([0, 150]);
  });

  it("has a height when there is nothing but zeros", () => {
    expect(yRange(0)).toEqual([0, 1]);
    expect(yRange(null)).toEqual([0, 1]);
  });

  it("keeps a fixed ceiling", () => {
    expect(yRange(3, 100)).toEqual([0, 100]);
  });
});

describe("gaps", () => {
  it("leave lone points, which are shown as dots", () => {
    expect(isolatedPoints([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  });

  it("lift the pen of a sparkline", () => {
    expect(sparkPath([1, 1, null, 1, 1]).match(/M/g)).toHaveLength(2);
  });
});

describe("summary", () => {
  it("says now, lowest and highest", () => {
    const text = summarise(
      "Throughput",
      [0, 60, 120],
      [{ key: "a", label: "Finished", values: [4, null, 9] }],
    );
    expect(text).toContain("now 9, between 4 and 9");
  });

  it("says so when there is nothing", () => {
    expect(summarise("CPU", [], [])).toBe("CPU: no data yet.");
  });
});

describe("direct labels", () => {
  it("never overlap and stay inside", () => {
    expect(spreadLabels([50, 52, 10], 13, 60)).toEqual([47, 60, 7]);
  });
});
