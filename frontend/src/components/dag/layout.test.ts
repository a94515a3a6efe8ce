import { expect, it } from "vitest";
import { pathThrough, placeSteps } from "./layout";
import { linesOf, placeMany } from "./layout-large";
import { hasShapeOf, NODE_HEIGHT, NODE_WIDTH, shapeOf } from "./nodes";

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

it("knows the same shape without writing it out", () => {
  const running = steps.map((one) => ({ ...one, status: "running" }));
  expect(hasShapeOf(steps, running)).toBe(true);
  expect(hasShapeOf(steps, steps.slice(1))).toBe(false);
  expect(hasShapeOf(steps, [...steps.slice(0, 3), step("d", "c")])).toBe(false);
});

it("breaks a wide layer of a large graph into rows, each step below what it needs", () => {
  const many = Array.from({ length: 1000 }, (_, index) => step(`s${index}`, "root"));
  const positions = placeMany([step("root"), ...many, step("end", ...many.map(({ key }) => key))]);
  expect(positions.size).toBe(1002);
  const y = (key: string) => positions.get(key)?.y ?? Number.NaN;
  expect(Math.max(...[...positions.values()].map(({ x }) => x))).toBeLessThan(2000);
  expect(y("root")).toBeLessThan(y("s0"));
  expect(y("s999")).toBeLessThan(y("end"));
  const taken = new Set([...positions.values()].map(({ x, y }) => `${x} ${y}`));
  expect(taken.size).toBe(1002);
});

it("places a long chain and ignores what is no graph", () => {
  const chain = Array.from({ length: 5000 }, (_, index) => step(`s${index}`, `s${index - 1}`));
  expect(placeMany(chain.toReversed()).get("s4999")?.y).toBeGreaterThan(0);
  expect(placeMany([step("a", "b"), step("b", "a"), step("c", "gone")]).size).toBe(3);
  expect(linesOf([step("a"), step("b", "a", "gone")], placeMany([step("a"), step("b", "a")]))).toMatch(
    /^M[^M]*$/,
  );
});
