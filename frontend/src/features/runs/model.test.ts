import { describe, expect, it } from "vitest";
import { makeRunDetail, makeStep } from "@/testing/work";
import { dagSteps, retriedSteps, stepsOfInterest, whyNoRetry } from "./model";

const chain = (...statuses: Parameters<typeof makeStep>[0][]) =>
  makeRunDetail({
    status: "failed",
    steps: statuses.map((over, index) => {
      const key = String.fromCharCode(97 + index);
      return makeStep({ key, name: key, needs: index ? [String.fromCharCode(96 + index)] : [], ...over });
    }),
  });
const keys = (steps: { key: string }[]) => steps.map(({ key }) => key).join("");

describe("a retry", () => {
  const run = chain({}, { status: "failed" }, { status: "skipped" }, { needs: ["a"] });

  it("does again what failed and what was skipped because of it", () => {
    expect(keys(retriedSteps(run))).toBe("bc");
  });

  it("from a step on takes everything made from its output along", () => {
    expect(keys(retriedSteps(run, "a"))).toBe("abcd");
    expect(keys(retriedSteps(run, "d"))).toBe("bcd");
  });

  it("says why it is not possible", () => {
    expect(whyNoRetry({ ...run, status: "running" })).toMatch(/still going/);
    expect(whyNoRetry(run)).toBeUndefined();
    const fine = { ...chain({}, {}), status: "completed" as const };
    expect(whyNoRetry(fine)).toMatch(/Choose a step/);
    expect(whyNoRetry(fine, fine.steps[0])).toBeUndefined();
  });
});

describe("a step that waits", () => {
  const waiting = makeStep({
    key: "ok",
    kind: "approval",
    status: "waiting",
    wait_reason: "waiting for approval",
  });
  const run = makeRunDetail({ steps: [makeStep(), waiting] });

  it("is what an operator looks at first", () => {
    expect(keys(stepsOfInterest(run))).toBe("ok");
  });

  it("stands in the graph with its own shape and its reason", () => {
    expect(dagSteps(run)[1]).toMatchObject({
      status: "approval",
      who: "People",
      waitReason: "Waiting for approval",
    });
  });
});
