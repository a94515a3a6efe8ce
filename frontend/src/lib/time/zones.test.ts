import { describe, expect, it } from "vitest";
import { clockIn, knownZones } from "./zones";

describe("the clock of another zone", () => {
  it("shows the moment as people there read it", () => {
    expect(clockIn("Europe/Berlin", "2026-11-23T01:30:00Z")).toMatch(/Mon.*23.*02:30/);
    expect(clockIn("America/New_York", "2026-11-23T01:30:00Z")).toMatch(/Sun.*22.*20:30/);
  });

  it("falls back to UTC, and says so, for a zone the browser does not know", () => {
    expect(clockIn("Moon/Base", "2026-11-23T01:30:00Z")).toMatch(/01:30.*UTC/);
  });

  it("offers UTC first", () => {
    expect(knownZones()[0]).toBe("UTC");
    expect(knownZones()).toContain("Europe/Berlin");
  });
});
