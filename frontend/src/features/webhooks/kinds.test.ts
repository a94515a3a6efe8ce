import { describe, expect, it } from "vitest";
import { webhookKinds } from "@/testing/webhooks";
import { found, groupsOf, isWanted, toggled } from "./kinds";

describe("the kinds a webhook asks for", () => {
  it("stand under what they are about", () => {
    expect(groupsOf(webhookKinds).map(({ name, kinds }) => [name, kinds.length])).toEqual([
      ["run", 3],
      ["alert", 1],
    ]);
  });

  it("are found by words of their names and sentences", () => {
    const named = (text: string) => found(webhookKinds, text).map(({ kind }) => kind);
    expect(named("ALERT")).toEqual(["alert.opened"]);
    expect(named("run fin")).toEqual(["run.finished"]);
    expect(named(" ")).toHaveLength(webhookKinds.length);
    expect(named("nothing like it")).toEqual([]);
  });

  it("are asked for one by one, by the group, or all", () => {
    expect(isWanted(["run.finished"], "run.finished")).toBe(true);
    expect(isWanted(["run.finished"], "run.*")).toBe(false);
    expect(isWanted(["run.*"], "run.changed")).toBe(true);
    expect(isWanted(["run.*"], "alert.opened")).toBe(false);
    expect(isWanted(["*"], "alert.opened")).toBe(true);
  });

  it("give way to their group", () => {
    expect(toggled(["run.finished", "alert.opened"], "run.*")).toEqual(["alert.opened", "run.*"]);
    expect(toggled(["run.*"], "run.*")).toEqual([]);
    expect(toggled([], "run.started")).toEqual(["run.started"]);
  });
});
