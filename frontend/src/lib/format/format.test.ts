import { describe, expect, it } from "vitest";
import { count, duration, megabytes, milliseconds, plural, unknown, visibleText, words } from ".";

describe("figures", () => {
  it("are short and never pretend", () => {
    expect([count(1204), count(12_345), count(null)]).toEqual(["1,204", "12.3K", unknown]);
    expect([milliseconds(0.42), milliseconds(4.23), milliseconds(42.4), milliseconds(1234)]).toEqual([
      "0.42 ms",
      "4.2 ms",
      "42 ms",
      "1.2 s",
    ]);
    expect([megabytes(12.34), megabytes(2048)]).toEqual(["12.3 MB", "2 GB"]);
    expect([duration(0.44), duration(12.9), duration(184), duration(7500), duration(90_000)]).toEqual([
      "0.4 s",
      "12 s",
      "3 m 04 s",
      "2 h 05 m",
      "1 d 1 h",
    ]);
    expect([plural(1, "run"), plural(2, "run")]).toEqual(["1 run", "2 runs"]);
    expect(words("code_reviewer")).toBe("Code reviewer");
  });
});

describe("an agent's text", () => {
  it("cannot hide or reorder what the operator reads", () => {
    expect(visibleText("rm\u202e txt.exe\u200b\u0007")).toBe("rm\\u202e txt.exe\\u200b\\u0007");
    expect(visibleText("two\nlines\tand é 日本 👍")).toBe("two\nlines\tand é 日本 👍");
  });
});
