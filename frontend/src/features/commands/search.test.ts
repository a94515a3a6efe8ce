import { expect, it } from "vitest";
import type { Command } from "@/lib/api/types";
import { byCapability, matching } from "./search";

const command = (name: string, capability: string, title: string) =>
  ({ name, capability, title, description: "" }) as Command;
const commands = [
  command("code.review", "code.review", "Review a change"),
  command("bug.triage", "bug.triage", "Triage a report"),
  command("bug.triage.short", "bug.triage", "Triage in one line"),
];

it("finds by every word, wherever it stands", () => {
  expect(matching(commands, "bug REPORT").map(({ name }) => name)).toEqual(["bug.triage"]);
  expect(matching(commands, "  ")).toHaveLength(3);
});

it("groups by capability in order of the alphabet", () => {
  expect(byCapability(commands).map((group) => [group.capability, group.commands.length])).toEqual([
    ["bug.triage", 2],
    ["code.review", 1],
  ]);
});
