import { expect, it } from "vitest";
import { NODE_HEIGHT, NODE_WIDTH, pathThrough, placeSteps, shapeOf } from "./layout";

const step = (key: string, ...needs: string[]) => ({ key, needs });
const steps = [step("a"), step("b", "a"), step("c", "b"), step("d", "c", "a")];

it("puts each step below what it needs", () => {
  const { positions } = placeSteps(steps);
  const y = (key: string) => positions.get(key)?.y ?? Number.NaN;
  for (const { key, needs } of steps) for (const need of needs) expect(y(need)).toBeLessThan(y(key));
});

it("leads a long edge beside the steps between its ends", () => {
  const { edges, positions } = placeSteps(steps);
  const long = edges.find(({ id }) => id === "a→d");
  expect(long?.bends).toHaveLength(4);
  for (const { x, y } of long?.bends ?? []) {
    for (const at of positions.values()) {
      const isInside = x > at.x && x < at.x + NODE_WIDTH && y > at.y && y < at.y + NODE_HEIGHT;
      expect(isInside).toBe(false);
    }
  }
  expect(edges.find(({ id }) => id === "a→b")?.bends).toEqual([]);
});

it("leaves out needs that name no step", () => {
  expect(placeSteps([step("a", "gone")]).edges).toEqual([]);
});

it("is laid out again only for another shape", () => {
  expect(shapeOf([{ ...step("a"), ...{ status: "running" } }])).toBe(shapeOf([step("a")]));
  expect(shapeOf([step("a")])).not.toBe(shapeOf([step("b")]));
});

it("draws straight down where nothing is in the way", () => {
  expect(
    pathThrough([
      { x: 5, y: 0 },
      { x: 5, y: 10 },
    ]),
  ).toBe("M5 0 C5 5 5 5 5 10");
});
