import { describe, expect, it } from "vitest";
import { fileOf, isLong, partsOf } from "./text-of";

describe("parts of a value", () => {
  it("shows the text of a model as text", () => {
    expect(partsOf({ text: "Done." })).toEqual([{ name: "", text: "Done.", isProse: true }]);
  });

  it("names the members of an object and writes nested ones as JSON", () => {
    expect(partsOf({ summary: "Fine", tags: ["a"], count: 2, none: null })).toEqual([
      { name: "summary", text: "Fine", isProse: true },
      { name: "tags", text: '[\n  "a"\n]', isProse: false },
      { name: "count", text: "2", isProse: true },
    ]);
  });

  it("is empty for nothing", () => {
    expect(partsOf(null)).toEqual([]);
    expect(partsOf("")).toEqual([]);
  });
});

describe("download", () => {
  it("is text for prose and JSON for the rest", () => {
    expect(fileOf({ text: "Hello" })).toEqual({ text: "Hello", extension: "txt" });
    expect(fileOf({ a: 1 })).toEqual({ text: '{\n  "a": 1\n}', extension: "json" });
  });
});

it("calls a text long by its characters or its lines", () => {
  expect(isLong("short\n".repeat(10))).toBe(false);
  expect(isLong("short\n".repeat(30))).toBe(true);
  expect(isLong("x".repeat(2000))).toBe(true);
});
