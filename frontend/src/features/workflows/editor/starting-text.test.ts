import { describe, expect, it } from "vitest";
import type { Command, JsonSchema } from "@/lib/api/types";
import { copyOf, template } from "./starting-text";

const command = (name: string, title: string, parameters: JsonSchema) =>
  ({ name, title, parameters }) as Command;

describe("a copy", () => {
  it("has another name and slug, and the same of everything else", () => {
    const source =
      "# mine\nname: Bug Lifecycle  # long\nslug: bug-lifecycle\nsteps:\n  - key: a\n    name: First\n    command: b\n";
    expect(copyOf(source, { slug: "bug-lifecycle", name: "Bug Lifecycle" })).toBe(
      source
        .replace("Bug Lifecycle", "Bug Lifecycle (copy)")
        .replace("slug: bug-lifecycle", "slug: bug-lifecycle-copy"),
    );
  });

  it("can be JSON", () => {
    const copy = copyOf('{\n  "name": "N", \n  "slug": "n",\n  "steps": []\n}', { slug: "n", name: "N" });
    expect(JSON.parse(copy)).toEqual({ name: "N (copy)", slug: "n-copy", steps: [] });
  });
});

describe("the text a new workflow starts from", () => {
  it("uses a command of the project whose parameters are texts", () => {
    const odd = command("odd.one", "Odd", { required: ["n"], properties: { n: { type: "integer" } } });
    const parameters = { required: ["report"], properties: { report: { type: "string" } } };
    const good = command("good.one", "Good: one", parameters);
    const text = template([odd, good]);
    expect(text).toContain(`    command: good.one\n    with:\n      report: "\${{ input.text }}"\n`);
    expect(text).toContain('    name: "Good: one"\n');
  });

  it("needs no command", () => {
    expect(template([])).toContain("wait: {seconds: 1}");
  });
});
