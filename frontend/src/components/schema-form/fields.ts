/** Turns a JSON schema of an object into form fields, and form values back into typed input. No React here. */

import type { JsonSchema } from "@/lib/api/types";

export type FieldKind = "text" | "textarea" | "number" | "integer" | "boolean" | "choice" | "lines" | "json";
export type FieldValue = string | boolean;
export type FormValues = Record<string, FieldValue>;
export type FieldErrors = Record<string, string>;

export interface Field {
  key: string;
  label: string;
  description: string;
  kind: FieldKind;
  required: boolean;
  placeholder: string;
  choices: { value: string; raw: unknown }[];
  schema: JsonSchema;
}

/** A string that may be longer than this is prose: it gets a textarea. */
const PROSE_LENGTH = 200;
/** A default or example longer than this does not fit a line. */
const LINE_LENGTH = 80;

export function fieldsOf(schema: JsonSchema | null | undefined): Field[] {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([key, property]) => ({
    key,
    label: property.title ?? humanise(key),
    description: property.description ?? "",
    kind: kindOf(property),
    required: required.has(key),
    placeholder: exampleOf(property),
    choices: (property.enum ?? []).map((raw) => ({ value: asText(raw), raw })),
    schema: property,
  }));
}

function kindOf(schema: JsonSchema): FieldKind {
  if (schema.enum) return "choice";
  const type = Array.isArray(schema.type) ? schema.type.find((name) => name !== "null") : schema.type;
  if (type === "boolean" || type === "number" || type === "integer") return type;
  if (type === "array" && schema.items?.type === "string") return "lines";
  if (type === "object" || type === "array") return "json";
  const isProse =
    schema.format === "textarea" || schema.format === "multiline" || (schema.maxLength ?? 0) > PROSE_LENGTH;
  return isProse || wantsRoom(schema) ? "textarea" : "text";
}

/** Judged by its samples; without any, a string of unlimited length is a pasted report more often than a word. */
function wantsRoom(schema: JsonSchema): boolean {
  const samples = [schema.default, ...(schema.examples ?? [])].filter((sample) => typeof sample === "string");
  if (samples.length === 0) return schema.maxLength === undefined && schema.format === undefined;
  return samples.some((sample) => sample.length > LINE_LENGTH || sample.includes("\n"));
}

function exampleOf(schema: JsonSchema): string {
  const example = schema.examples?.[0];
  return example === undefined ? "" : asText(example);
}

function humanise(key: string): string {
  const words = key.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function initialValues(fields: Field[], given: Record<string, unknown> = {}): FormValues {
  return Object.fromEntries(
    fields.map((field) => [field.key, toFormValue(field, given[field.key] ?? field.schema.default)]),
  );
}

function toFormValue(field: Field, value: unknown): FieldValue {
  if (field.kind === "boolean") return value === true;
  if (field.kind === "lines" && Array.isArray(value)) return value.map(asText).join("\n");
  if (field.kind === "json" && value !== undefined) return JSON.stringify(value, null, 2);
  return asText(value);
}

/** The typed input of a filled form; fields left empty are omitted. `errors` is empty when the input may be sent. */
export function parseValues(
  fields: Field[],
  values: FormValues,
): { input: Record<string, unknown>; errors: FieldErrors } {
  const input: Record<string, unknown> = {};
  const errors: FieldErrors = {};
  for (const field of fields) {
    const value = values[field.key];
    if (typeof value === "boolean") {
      input[field.key] = value;
    } else if (!value?.trim()) {
      if (field.required) errors[field.key] = `${field.label} is required.`;
    } else {
      const parsed = parseText(field, value);
      if (parsed.error === undefined) input[field.key] = parsed.value;
      else errors[field.key] = parsed.error;
    }
  }
  return { input, errors };
}

interface Parsed {
  value?: unknown;
  error?: string;
}

function parseText(field: Field, text: string): Parsed {
  switch (field.kind) {
    case "number":
    case "integer":
      return parseNumber(field, text);
    case "choice":
      return { value: field.choices.find((choice) => choice.value === text)?.raw ?? text };
    case "lines":
      return {
        value: text
          .split("\n")
          .map((line) => line.trim())
          .filter(Boolean),
      };
    case "json":
      return parseJson(text);
    default:
      return checkLength(field.schema, text);
  }
}

function parseNumber({ kind, schema }: Field, text: string): Parsed {
  const value = Number(text);
  if (!Number.isFinite(value)) return { error: "Enter a number." };
  if (kind === "integer" && !Number.isInteger(value)) return { error: "Enter a whole number." };
  if (schema.minimum !== undefined && value < schema.minimum)
    return { error: `Enter ${schema.minimum} or more.` };
  if (schema.maximum !== undefined && value > schema.maximum)
    return { error: `Enter ${schema.maximum} or less.` };
  return { value };
}

function parseJson(text: string): Parsed {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: `Not valid JSON: ${error instanceof Error ? error.message : "check the syntax"}` };
  }
}

function checkLength(schema: JsonSchema, text: string): Parsed {
  const length = [...text].length;
  if (schema.minLength !== undefined && length < schema.minLength)
    return { error: `Use at least ${schema.minLength} characters (now ${length}).` };
  if (schema.maxLength !== undefined && length > schema.maxLength)
    return { error: `Use at most ${schema.maxLength} characters (now ${length}).` };
  return { value: text };
}

/**
 * Field messages of a problem+json `errors` member, which names fields as `input.report`, `report`,
 * a JSON pointer, or nested objects; whatever belongs to no field of the form is returned as `rest`.
 */
export function fieldErrorsOf(errors: unknown, fields: Field[]): { fields: FieldErrors; rest: string[] } {
  const known = new Set(fields.map((field) => field.key));
  const result: { fields: FieldErrors; rest: string[] } = { fields: {}, rest: [] };
  for (const [path, message] of flatten(errors, [])) {
    const key = path.find((part) => known.has(part));
    if (key === undefined) result.rest.push(message);
    else result.fields[key] ??= message;
  }
  return result;
}

function flatten(value: unknown, path: string[]): [string[], string][] {
  if (typeof value === "string") return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item) => flatten(item, path));
  if (typeof value !== "object" || value === null) return [];
  const entry = value as Record<string, unknown>;
  const message = entry.message ?? entry.detail;
  if (typeof message === "string") {
    const at = entry.field ?? entry.pointer ?? entry.loc ?? entry.path ?? "";
    return [[[...path, ...splitPath(at)], message]];
  }
  return Object.entries(entry).flatMap(([key, item]) => flatten(item, [...path, ...splitPath(key)]));
}

function splitPath(path: unknown): string[] {
  const parts = Array.isArray(path) ? path.map(String) : String(path).split(/[./#]+/);
  return parts.filter(Boolean);
}
