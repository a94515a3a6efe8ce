/** What a JSON Schema says about a place in a document: its keys, its values, its words of help. */
import type { JsonSchema } from "@/lib/api/types";
import type { YamlPath } from "./yaml-context";

export interface KeyHelp {
  name: string;
  help: string;
  /** "text", "number", "list", "mapping" or the values it may have. */
  kind: string;
  required: boolean;
  /** Whether its value is written on the lines below. */
  isNested: boolean;
}

type Node = JsonSchema & Record<string, unknown>;

/** A schema of schemas, as far as the forms of this application understand them. */
const FIELD: Node = { type: "object", properties: {} };
Object.assign(FIELD.properties ?? {}, {
  type: { enum: ["string", "integer", "number", "boolean", "array", "object"] },
  title: { type: "string", description: "The label of the field" },
  description: { type: "string", description: "Help below the field" },
  default: { description: "What it is when it is left out" },
  examples: { type: "array", description: "The first one is shown in the empty field" },
  enum: { type: "array", description: "The values to choose from" },
  format: { enum: ["date", "date-time", "email", "uri", "multiline"] },
  required: { type: "array", items: { type: "string" }, description: "The fields that must be there" },
  properties: { type: "object", additionalProperties: FIELD, description: "The fields, by name" },
  items: FIELD,
  minimum: { type: "number" },
  maximum: { type: "number" },
  minLength: { type: "integer" },
  maxLength: { type: "integer" },
  pattern: { type: "string", description: "A regular expression (RE2)" },
  additionalProperties: { type: "boolean" },
} satisfies Record<string, JsonSchema>);

/** The places of a definition that hold a JSON Schema themselves. */
function isSchemaPlace(path: YamlPath): boolean {
  const [first, , third, fourth] = path;
  return (
    (path.length === 1 && first === "input") ||
    (path.length === 4 && first === "steps" && third === "approval" && fourth === "fields")
  );
}

/** Every schema that may hold at a path, references and alternatives taken apart. */
export function nodesAt(root: JsonSchema, path: YamlPath): JsonSchema[] {
  let nodes = spread(root, [root as Node]);
  path.forEach((part, index) => {
    if (isSchemaPlace(path.slice(0, index + 1))) {
      nodes = [FIELD];
      return;
    }
    nodes = spread(
      root,
      nodes.flatMap((node) => below(node, part)),
    );
  });
  return nodes;
}

function below(node: Node, part: string | number): Node[] {
  if (typeof part === "number") return node.items ? [node.items as Node] : [];
  const named = node.properties?.[part];
  if (named) return [named as Node];
  const others = node.additionalProperties;
  return others && typeof others === "object" ? [others as Node] : [];
}

function spread(root: JsonSchema, nodes: Node[], depth = 0): Node[] {
  if (depth > 8) return [];
  return nodes.flatMap((node) => {
    const found: Node[] = [];
    if (typeof node.$ref === "string") {
      const name = node.$ref.replace("#/$defs/", "");
      const defined = (root.$defs as Record<string, Node> | undefined)?.[name];
      if (defined) found.push(...spread(root, [defined], depth + 1));
    }
    for (const word of ["anyOf", "oneOf", "allOf"]) {
      const options = node[word];
      if (Array.isArray(options)) found.push(...spread(root, options as Node[], depth + 1));
    }
    if (node.type !== "null" && (node.type || node.enum || node.properties || node.const !== undefined)) {
      found.push(node);
    } else if (found.length === 0 && node.type !== "null") found.push(node);
    return found;
  });
}

export function keysAt(root: JsonSchema, path: YamlPath): KeyHelp[] {
  const found = new Map<string, KeyHelp>();
  for (const node of nodesAt(root, path)) {
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      if (found.has(name)) continue;
      const nodes = spread(root, [property as Node]);
      found.set(name, {
        name,
        help: helpOf(property, nodes),
        kind: kindOf(nodes),
        required: node.required?.includes(name) ?? false,
        isNested: nodes.length > 0 && nodes.every(({ type }) => type === "object" || type === "array"),
      });
    }
  }
  return [...found.values()];
}

export function valuesAt(root: JsonSchema, path: YamlPath): string[] {
  const values = nodesAt(root, path).flatMap((node) => {
    if (node.const !== undefined) return [String(node.const)];
    if (node.enum) return node.enum.map(String);
    return node.type === "boolean" ? ["true", "false"] : [];
  });
  return [...new Set(values)];
}

/** Whether a place can hold a mapping: there a word is the beginning of a key. */
export const isMapping = (root: JsonSchema, path: YamlPath): boolean =>
  nodesAt(root, path).some(({ type, properties }) => type === "object" || properties !== undefined);

const helpOf = (property: JsonSchema, nodes: JsonSchema[]): string =>
  property.description ?? nodes.find(({ description }) => description)?.description ?? "";

const NAMES: Record<string, string> = {
  string: "text",
  integer: "number",
  boolean: "true or false",
  array: "list",
  object: "mapping",
};

function kindOf(nodes: JsonSchema[]): string {
  const kinds = nodes.flatMap((node) => {
    if (node.enum) return node.enum.map(String);
    const type = Array.isArray(node.type) ? node.type.join(" or ") : node.type;
    return type ? [NAMES[type] ?? type] : [];
  });
  return [...new Set(kinds)].join(" or ");
}
