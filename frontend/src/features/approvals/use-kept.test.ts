import { expect, it } from "vitest";
import { keep } from "./use-kept";

const row = (id: string, state = "open") => ({ id, state });

it("keeps what left in its place, takes new values, and adds what is new at the end", () => {
  const before = [row("a"), row("b")];
  expect(keep(before, [row("c"), row("b", "newer")])).toEqual([row("a"), row("b", "newer"), row("c")]);
});

it("is the same list while nothing changes, also when a row has left", () => {
  const before = [row("a"), row("b")];
  expect(keep(before, [...before])).toBe(before);
  expect(keep(before, before.slice(1))).toBe(before);
});
