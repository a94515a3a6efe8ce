import { describe, expect, it } from "vitest";
import type { JsonSchema } from "@/lib/api/types";
import { fieldErrorsOf, fieldsOf, initialValues, parseValues } from "./fields";

const schema: JsonSchema = {
  type: "object",
  required: ["report", "severity"],
  properties: {
    report: { type: "string", title: "Bug report", maxLength: 4000, examples: ["Login fails"] },
    severity: { type: "string", enum: ["low", "high"], default: "low" },
    limit: { type: "integer", minimum: 1, maximum: 10 },
    dry_run: { type: "boolean" },
    labels: { type: "array", items: { type: "string" } },
    extra: { type: "object" },
  },
};
const fields = fieldsOf(schema);

describe("fields of a schema", () => {
  it("gives each property the control that fits it", () => {
    expect(fields.map(({ kind }) => kind)).toEqual([
      "textarea",
      "choice",
      "integer",
      "boolean",
      "lines",
      "json",
    ]);
  });

  it("gives room to text that has lines, and to text of unknown length", () => {
    const kindOf = (property: JsonSchema) => fieldsOf({ properties: { x: property } })[0]?.kind;
    expect(kindOf({ type: "string", default: "one\ntwo" })).toBe("textarea");
    expect(kindOf({ type: "string" })).toBe("textarea");
    expect(kindOf({ type: "string", default: "checkout" })).toBe("text");
    expect(kindOf({ type: "string", maxLength: 80 })).toBe("text");
  });

  it("labels a property by its title, else by its key in words", () => {
    expect(fields.map(({ label }) => label).slice(0, 4)).toEqual([
      "Bug report",
      "Severity",
      "Limit",
      "Dry run",
    ]);
  });

  it("starts from defaults and from given values", () => {
    expect(initialValues(fields, { limit: 3, labels: ["a", "b"] })).toMatchObject({
      report: "",
      severity: "low",
      limit: "3",
      dry_run: false,
      labels: "a\nb",
    });
  });

  it("shows an example as a placeholder, never as a value", () => {
    expect(fields[0]?.placeholder).toBe("Login fails");
  });
});

describe("input of a filled form", () => {
  it("is typed, and leaves out what was left empty", () => {
    const values = {
      ...initialValues(fields),
      report: "It broke",
      limit: "4",
      labels: "one\n two \n",
      extra: '{"a":1}',
    };
    expect(parseValues(fields, values)).toEqual({
      input: {
        report: "It broke",
        severity: "low",
        limit: 4,
        dry_run: false,
        labels: ["one", "two"],
        extra: { a: 1 },
      },
      errors: {},
    });
  });

  it("names each wrong field", () => {
    const values = { ...initialValues(fields), report: " ", limit: "2.5", extra: "{" };
    expect(parseValues(fields, values).errors).toEqual({
      report: "Bug report is required.",
      limit: "Enter a whole number.",
      extra: expect.stringContaining("Not valid JSON"),
    });
  });

  it("respects limits", () => {
    expect(parseValues(fields, { ...initialValues(fields), report: "x", limit: "11" }).errors.limit).toBe(
      "Enter 10 or less.",
    );
    expect(
      parseValues(fields, { ...initialValues(fields), report: "x".repeat(4001) }).errors.report,
    ).toContain("at most 4000");
  });
});

describe("errors from the server", () => {
  it.each([
    [{ report: ["Too vague."] }],
    [{ "input.report": "Too vague." }],
    [{ input: { report: ["Too vague."] } }],
    [[{ field: "input.report", message: "Too vague." }]],
    [[{ pointer: "/input/report", detail: "Too vague." }]],
  ])("reach their field, however they are written", (errors) => {
    expect(fieldErrorsOf(errors, fields).fields).toEqual({ report: "Too vague." });
  });

  it("are kept when they belong to no field", () => {
    expect(fieldErrorsOf({ non_field: ["No agent can do this."] }, fields).rest).toEqual([
      "No agent can do this.",
    ]);
  });
});
