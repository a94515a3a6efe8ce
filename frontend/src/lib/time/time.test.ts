import { describe, expect, it } from "vitest";
import { clockTimeSeconds, elapsedSeconds, localTimes, relative } from ".";

const now = Date.parse("2026-11-22T12:00:00Z");
const ago = (seconds: number) => relative(now - seconds * 1000, now);

describe("relative time", () => {
  it("is short, and a date after a week", () => {
    expect([ago(1), ago(12), ago(185), ago(7300), ago(2 * 86_400)]).toEqual([
      "now",
      "12 s ago",
      "3 m ago",
      "2 h ago",
      "2 d ago",
    ]);
    expect(ago(30 * 86_400)).toMatch(/23/);
    expect(ago(-5)).toBe("in 5 s");
    expect(relative(null, now)).toBe("never");
  });

  it("counts until the end or until now", () => {
    expect(elapsedSeconds("2026-11-22T11:59:00Z", null, now)).toBe(60);
    expect(elapsedSeconds("2026-11-22T11:59:00Z", "2026-11-22T11:59:05Z", now)).toBe(5);
    expect(elapsedSeconds(null, null, now)).toBeNull();
  });
});

it("shows the moments of a sentence as the clock on the wall says them", () => {
  const soon = "2026-11-22T12:00:05Z";
  expect(localTimes(`until ${soon}`, now)).toBe(`until ${clockTimeSeconds(Date.parse(soon))}`);
  expect(localTimes("until 2026-12-24T12:00:00.5+00:00", now)).toMatch(/^until \D+ 24, \d\d:00$/);
  expect(localTimes("version 2026-11-22", now)).toBe("version 2026-11-22");
});
