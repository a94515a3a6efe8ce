import { expect, it } from "vitest";
import { arrange } from "./steady";

const rows = (...ids: string[]) => ids.map((id) => ({ id }));
const ids = (list: { id: string }[]) => list.map(({ id }) => id).join("");

it("keeps the order and counts what is new above", () => {
  const { shown, fresh } = arrange(rows("x", "b", "a", "y"), ["a", "b"]);
  expect(ids(shown)).toBe("aby");
  expect(fresh).toBe(1);
});

it("adds what was loaded below, and drops what is gone", () => {
  expect(ids(arrange(rows("a", "c", "d"), ["a", "b"]).shown)).toBe("acd");
});
