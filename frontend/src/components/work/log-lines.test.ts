import { describe, expect, it } from "vitest";
import { joined } from "@/lib/api/lines";
import type { LogLine } from "@/lib/api/types";
import { chosenLines, writtenOut } from "./log-lines";

const line = (number: number, over: Partial<LogLine> = {}): LogLine => ({
  number,
  attempt: 1,
  level: "info",
  text: `line ${number}`,
  at: "2026-11-22T12:00:00.000000Z",
  ...over,
});
const numbers = (lines: readonly LogLine[] | null) => lines?.map(({ number }) => number);

describe("lines of a log", () => {
  it("are added where they follow, and told to be missing where they do not", () => {
    const known = [line(1), line(2)];
    expect(numbers(joined(known, [line(2), line(3)]))).toEqual([1, 2, 3]);
    expect(joined(known, [line(1)])).toBe(known);
    expect(joined(known, [line(4)])).toBeNull();
    expect(numbers(joined([], [line(1)]))).toEqual([1]);
  });

  it("are chosen by level and by text", () => {
    const lines = [
      line(1, { level: "debug" }),
      line(2, { level: "error", text: "Disk FULL" }),
      line(3, { level: "warning" }),
    ];
    expect(chosenLines(lines, "debug", "")).toBe(lines);
    expect(numbers(chosenLines(lines, "warning", ""))).toEqual([2, 3]);
    expect(numbers(chosenLines(lines, "debug", " full "))).toEqual([2]);
  });

  it("are written out with what could mislead made visible", () => {
    expect(writtenOut([line(1, { text: "a\u202eb" })])).toBe(
      "2026-11-22T12:00:00.000000Z INFO    a\\u202eb\n",
    );
  });
});
