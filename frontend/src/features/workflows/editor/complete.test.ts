import { describe, expect, it } from "vitest";
import type { JsonSchema } from "@/lib/api/types";
import { type Catalogue, offersAt } from "./complete";
import { contextAt } from "./yaml-context";

const schema: JsonSchema = {
  type: "object",
  required: ["name", "slug", "steps"],
  properties: {
    name: { type: "string" },
    slug: { type: "string" },
    input: { type: "object", additionalProperties: true },
    steps: { type: "array", items: { $ref: "#/$defs/Step" } },
  },
  $defs: {
    Step: {
      type: "object",
      required: ["key"],
      properties: {
        key: { type: "string" },
        command: { anyOf: [{ type: "string" }, { type: "null" }], description: "A catalogue entry" },
        agent: { anyOf: [{ type: "string" }, { type: "null" }] },
        workflow: { type: "string" },
        needs: { type: "array", items: { type: "string" } },
        with: { type: "object", additionalProperties: true },
        retry: { anyOf: [{ $ref: "#/$defs/Retry" }, { type: "null" }] },
        on_failure: { oneOf: [{ type: "string", enum: ["fail", "continue"] }, { $ref: "#/$defs/GoTo" }] },
      },
    },
    Retry: { type: "object", properties: { attempts: { type: "integer" }, jitter: { type: "number" } } },
    GoTo: { type: "object", properties: { go_to: { type: "string" }, times: { type: "integer" } } },
  },
};
const catalogue: Catalogue = {
  schema,
  commands: [
    {
      name: "bug.triage",
      title: "Triage a bug",
      input: { required: ["report"], properties: { report: { type: "string" }, depth: { type: "integer" } } },
    },
    { name: "bug.fix", title: "Fix a bug" },
  ],
  agents: [{ name: "triage", title: "Triager" }],
  workflows: [{ name: "release", title: "Release", input: { properties: { tag: { type: "string" } } } }],
};

/** The offers where `|` stands. */
function offers(text: string): string[] {
  const at = text.indexOf("|");
  const found = offersAt(text.replace("|", ""), at, catalogue);
  return found?.options.map(({ label }) => label) ?? [];
}
const place = (text: string) => contextAt(text.replace("|", ""), text.indexOf("|"));

const STEPS = "name: N\nsteps:\n  - key: look\n    command: bug.triage\n";

describe("where the cursor stands", () => {
  it.each([
    ["name: N\n|", [], "key"],
    ["steps:\n  - key: a\n    retry:\n      att|", ["steps", 0, "retry"], "key"],
    ["steps:\n  - key: a\n  - key: b\n    command: bu|", ["steps", 1, "command"], "value"],
    ["steps:\n- key: a\n- comm|", ["steps", 1], "key"],
    ["steps:\n  - key: a\n    needs:\n      - x\n      - y|", ["steps", 0, "needs", 1], "key"],
    ["steps:\n  - {key: a, retry: {attempts: 3, ji|", ["steps", 0, "retry"], "key"],
    ["steps:\n  - {key: a, needs: [x, y|", ["steps", 0, "needs", 1], "value"],
    ["steps:\n\n  # why\n  - key: a\n\n    |", ["steps", 0], "key"],
    ["input:\n  properties:\n    a: {type: |", ["input", "properties", "a", "type"], "value"],
  ])("%j is at %j, a %s", (text, path, kind) => {
    expect(place(text)).toMatchObject({ path, place: kind });
  });

  it("is nowhere in comments and in texts over several lines", () => {
    expect(place("name: N # no|te")).toBeNull();
    const text = "with:\n  text: >-\n    much to ";
    expect(contextAt(text, text.length)).toBeNull();
  });
});

describe("what is offered", () => {
  it("are the keys that are not there yet, required ones first", () => {
    expect(offers("name: N\n|")).toEqual(["slug", "input", "steps"]);
    expect(offers(`${STEPS}    |\n    agent: triage\n`)).toEqual([
      "workflow",
      "needs",
      "with",
      "retry",
      "on_failure",
    ]);
    expect(offers("steps:\n  - {key: a, |")).not.toContain("key");
  });

  it("are the names of what the project has", () => {
    expect(offers(`${STEPS}  - key: b\n    command: |`)).toEqual(["bug.triage", "bug.fix"]);
    expect(offers(`${STEPS}    agent: t|`)).toEqual(["triage"]);
    expect(offers("steps:\n  - {key: a, workflow: |")).toEqual(["release"]);
  });

  it("are the other steps, for needs and for where a failure goes", () => {
    expect(offers(`${STEPS}  - key: mend\n    needs: [|`)).toEqual(["look"]);
    expect(offers(`${STEPS}  - key: mend\n    needs:\n      - |`)).toEqual(["look"]);
    expect(offers(`${STEPS}  - key: mend\n    on_failure: {go_to: |`)).toEqual(["look"]);
  });

  it("are the parameters of the step's command or workflow", () => {
    expect(offers(`${STEPS}    with:\n      |`)).toEqual(["report", "depth"]);
    expect(offers(`${STEPS}    with: {report: x, |`)).toEqual(["depth"]);
    expect(offers("steps:\n  - {key: a, workflow: release, with: {|")).toEqual(["tag"]);
  });

  it("are the values a field can have", () => {
    expect(offers(`${STEPS}    on_failure: |`)).toEqual(["fail", "continue"]);
    expect(offers("input:\n  properties:\n    a:\n      type: |")).toContain("integer");
    expect(offers("input:\n  properties:\n    a: {|")).toContain("title");
  });

  it("are names and steps inside an expression", () => {
    expect(offers(`a: "\${{ |`)).toContain("steps");
    expect(offers(`${STEPS}    with: {report: "\${{ steps.|`)).toEqual(["look"]);
    expect(offers(`a: "\${{ steps.look.|`)).toEqual(["output", "status", "error"]);
    expect(offers(`a: "\${{ input.a }}|`)).toEqual([]);
  });
});
