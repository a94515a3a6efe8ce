import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { NO_KEY, wayOf, ways } from "./ways";
import { agentScript, quoted, sdkProgram } from "./ways-commanded";

const repository = (path: string) => readFileSync(resolve("..", path), "utf8");
const filled = { origin: "http://mission.test:8000", key: "mc_secret", agent: "it's me" };

it("gives the script of the examples word for word", () => {
  expect(agentScript).toBe(repository("examples/agent.sh"));
});

it("gives the program of the SDK's own guide", () => {
  expect(repository("sdk/python/README.md")).toContain(sdkProgram("my-agent").trim());
});

it.each(ways)("fills key and address into $name and asks for scopes", (way) => {
  const text = way
    .parts(filled)
    .map((part) => part.text)
    .join("\n");
  expect(text).toContain("mc_secret");
  expect(text).toContain("http://mission.test:8000");
  expect(text).not.toContain(NO_KEY);
  expect(way.scopes.length).toBeGreaterThan(0);
});

it("quotes names for the shell", () => {
  expect(quoted("it's $(me)")).toBe(String.raw`'it'\''s $(me)'`);
});

it("falls back to the first way", () => {
  expect(wayOf("telepathy")).toBe(ways[0]);
});
