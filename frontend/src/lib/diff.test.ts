import { expect, it } from "vitest";
import { diffLines, withContext } from "./diff";

const marks = { same: " ", added: "+", removed: "-" };
const written = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => marks[kind] + text);

it("names the lines that came and went", () => {
  expect(written("a\nb\nc\nd", "a\nc\nx\nd")).toEqual([" a", "-b", " c", "+x", " d"]);
  expect(written("", "a")).toEqual(["+a"]);
  expect(written("a", "")).toEqual(["-a"]);
  expect(written("a", "a")).toEqual([" a"]);
});

it("gives up on what would take too long, but loses no line", () => {
  const many = (name: string) => Array.from({ length: 3000 }, (_, at) => `${name}${at}`).join("\n");
  expect(diffLines(many("a"), many("b"))).toHaveLength(6000);
});

it("leaves out what is far from a change", () => {
  const before = Array.from({ length: 20 }, (_, at) => `${at}`);
  const after = before.with(10, "x");
  const shown = withContext(diffLines(before.join("\n"), after.join("\n")), 1);
  expect(shown.map((line) => line && marks[line.kind] + line.text)).toEqual([
    null,
    " 9",
    "-10",
    "+x",
    " 11",
    null,
  ]);
});
