/** What can be written at a place of a definition: keys, values, and the names of what the project has. */
import type { JsonSchema } from "@/lib/api/types";
import { isMapping, keysAt, valuesAt } from "./schema-at";
import { contextAt, type YamlContext, type YamlPath } from "./yaml-context";

export interface Named {
  name: string;
  title: string;
  /** JSON Schema of what it is given. */
  input?: JsonSchema;
}

/** What the project has that a definition can name. */
export interface Catalogue {
  schema: JsonSchema | undefined;
  commands: readonly Named[];
  agents: readonly Named[];
  workflows: readonly Named[];
}

export interface Offer {
  label: string;
  /** Beside the label: a title or the kind of value. */
  detail: string;
  help: string;
  /** What is written; the label when it is left out. */
  apply?: string;
  type: "key" | "value" | "name" | "expression";
  /** Higher ones come first. */
  boost: number;
}

export interface Offers {
  from: number;
  options: Offer[];
}

const STEP_KEY = /(?:^|[-{,\s])key:\s*["']?([a-z][a-z0-9_]*)/g;

export const stepKeysOf = (text: string): string[] => [
  ...new Set([...text.matchAll(STEP_KEY)].map((found) => found[1] ?? "")),
];

export function offersAt(text: string, offset: number, catalogue: Catalogue): Offers | null {
  const expression = inExpression(text, offset);
  if (expression) return expression;
  const context = contextAt(text, offset);
  if (!context) return null;
  const { schema } = catalogue;
  const isKey = context.place === "key" && (!schema || isMapping(schema, context.path) || inWith(context));
  const options = isKey ? keyOffers(context, catalogue) : valueOffers(text, context, catalogue);
  return options.length > 0 ? { from: context.from, options } : null;
}

function keyOffers(context: YamlContext, catalogue: Catalogue): Offer[] {
  const own = context.levels[0]?.keys ?? new Map<string, string>();
  const isFree = (name: string) => !own.has(name) || name === context.word;
  const given = inWith(context) ? givenTo(context, catalogue) : undefined;
  const schema = given ?? catalogue.schema;
  if (!schema) return [];
  return keysAt(schema, given ? [] : context.path)
    .filter(({ name }) => isFree(name))
    .map(({ name, kind, help, required }, index) => ({
      label: name,
      detail: required ? `${kind}, required` : kind,
      help,
      apply: `${name}: `,
      type: "key" as const,
      boost: (required ? 50 : 0) - index / 10,
    }));
}

function valueOffers(text: string, context: YamlContext, catalogue: Catalogue): Offer[] {
  const { path } = context;
  const named = namesAt(path, catalogue);
  if (named) return named.map(({ name, title }) => offer(name, title, "name"));
  if (wantsStep(path)) {
    const own = levelOfStep(context)?.keys.get("key");
    return stepKeysOf(text)
      .filter((key) => key !== own)
      .map((key) => offer(key, "step", "name"));
  }
  if (!catalogue.schema) return [];
  return valuesAt(catalogue.schema, path).map((value) => offer(value, "", "value"));
}

const offer = (label: string, detail: string, type: Offer["type"], help = ""): Offer => ({
  label,
  detail,
  help,
  type,
  boost: 0,
});

function namesAt(path: YamlPath, catalogue: Catalogue): readonly Named[] | null {
  if (path.length !== 3 || path[0] !== "steps") return null;
  if (path[2] === "command") return catalogue.commands;
  if (path[2] === "agent") return catalogue.agents;
  if (path[2] === "workflow") return catalogue.workflows;
  return null;
}

const wantsStep = ([first, , third, fourth]: YamlPath): boolean =>
  first === "steps" && (third === "needs" || (third === "on_failure" && fourth === "go_to"));

const inWith = ({ path }: YamlContext): boolean =>
  path.length === 3 && path[0] === "steps" && path[2] === "with";

const levelOfStep = ({ levels }: YamlContext) =>
  levels.find(({ path }) => path.length === 2 && path[0] === "steps");

/** The input schema of the command or workflow that the step names. */
function givenTo(context: YamlContext, { commands, workflows }: Catalogue): JsonSchema | undefined {
  const step = levelOfStep(context)?.keys;
  const command = step?.get("command");
  const workflow = step?.get("workflow");
  return (
    commands.find(({ name }) => name === command)?.input ??
    workflows.find(({ name }) => name === workflow)?.input
  );
}

/** Inside `${{ … }}`: the three names, and the steps. */
function inExpression(text: string, offset: number): Offers | null {
  const before = text.slice(Math.max(0, offset - 1000), offset);
  const opened = before.lastIndexOf("${{");
  if (opened < 0 || before.indexOf("}}", opened) >= 0) return null;
  const word = /[\w.]*$/.exec(before)?.[0] ?? "";
  const parts = word.split(".");
  const from = offset - (parts.at(-1) ?? "").length;
  return { from, options: expressionOffers(text, parts) };
}

function expressionOffers(text: string, parts: string[]): Offer[] {
  if (parts.length === 1) {
    return [
      offer("input", "what the run was given", "expression"),
      offer("steps", "steps that are over by then", "expression"),
      offer("run", "id, number, name, workflow", "expression"),
      offer("item", "of the list, in a map", "expression"),
      offer("item_index", "its place, from 0", "expression"),
    ];
  }
  if (parts[0] === "steps" && parts.length === 2) {
    return stepKeysOf(text).map((key) => offer(key, "step", "expression"));
  }
  if (parts[0] === "steps" && parts.length === 3) {
    return ["output", "status", "error"].map((name) => offer(name, "", "expression"));
  }
  if (parts[0] === "run" && parts.length === 2) {
    return ["id", "number", "name", "workflow"].map((name) => offer(name, "", "expression"));
  }
  return [];
}
