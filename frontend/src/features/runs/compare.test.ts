import { describe, expect, it } from "vitest";
import { makeRunDetail, makeStep } from "@/testing/work";
import { compareSteps, textOf } from "./compare";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
const took = (seconds: number) => ({ started_at: at(0), completed_at: at(seconds) });
const runOf = (...steps: Parameters<typeof makeStep>[0][]) =>
  makeRunDetail({ steps: steps.map((over) => makeStep({ output: null, ...over })) });

describe("two runs side by side", () => {
  it("start with what differs most", () => {
    const a = runOf(
      { key: "same", ...took(5) },
      { key: "slow", ...took(5) },
      { key: "said", ...took(5), output: { text: "a" } },
      { key: "broke", ...took(5) },
    );
    const b = runOf(
      { key: "same", ...took(5) },
      { key: "slow", ...took(65) },
      { key: "said", ...took(5), output: { text: "b" } },
      { key: "broke", ...took(5), status: "failed" },
    );
    const rows = compareSteps(a, b);
    expect(rows.map(({ key }) => key)).toEqual(["broke", "said", "slow", "same"]);
    expect(rows.map(({ isDifferent }) => isDifferent)).toEqual([true, true, true, false]);
    expect(rows[2]?.slower).toBe(60);
  });

  it("hold the steps that only one of them has", () => {
    const [only] = compareSteps(runOf({ key: "old" }), runOf());
    expect(only).toMatchObject({ key: "old", b: undefined, isDifferent: true, slower: null });
  });

  it("call values the same whatever the order of their keys", () => {
    expect(textOf({ b: 1, a: { d: 1, c: [2] } })).toBe(textOf({ a: { c: [2], d: 1 }, b: 1 }));
    expect(textOf({ text: "Hello" })).toBe("Hello");
    expect(textOf({ b: "x\ny", a: [1, {}] })).toBe("a:\n  - 1\n  - {}\nb:\n  x\n  y");
    expect(textOf(null)).toBe("");
  });
});
