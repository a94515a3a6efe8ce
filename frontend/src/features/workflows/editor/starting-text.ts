/** The text a new workflow starts from: a small one that works, or a copy of another. */
import type { Command, JsonSchema } from "@/lib/api/types";

const FAVOURITES = ["text.summarise", "bug.triage"];

/** Two steps of which the second sees the first, with a command that the project has. */
export function template(commands: readonly Command[]): string {
  const known = commands.filter(({ parameters }) => isSimple(parameters));
  const command = FAVOURITES.map((name) => known.find((one) => one.name === name)).find(Boolean) ?? known[0];
  const head = [
    "name: New workflow",
    "slug: new-workflow            # its address; it cannot be changed later",
    "description: What it is good for, in one sentence.",
    "input:                        # what a run is given, as a JSON Schema",
    "  type: object",
    "  required: [text]",
    "  properties:",
    "    text: {type: string, title: Text}",
    "steps:",
  ];
  const first = command
    ? [
        "  - key: first",
        `    name: ${quoted(command.title)}`,
        `    command: ${command.name}`,
        ...givenTo(command.parameters),
      ]
    : ["  - key: first", "    wait: {seconds: 1}"];
  const second = [
    "  - key: approve",
    "    needs: [first]              # starts when it is over",
    "    approval:",
    '      title: "Is that good?"',
    ...(command ? [`      details: "\${{ steps.first.output }}"`] : []),
  ];
  return `${[...head, ...first, ...second].join("\n")}\n`;
}

const isSimple = (schema: JsonSchema): boolean =>
  (schema.required ?? []).length > 0 &&
  (schema.required ?? []).every((name) => schema.properties?.[name]?.type === "string");

function givenTo(schema: JsonSchema): string[] {
  const given = (schema.required ?? []).map((name) => `      ${name}: "\${{ input.text }}"`);
  return given.length > 0 ? ["    with:", ...given] : [];
}

const quoted = (text: string): string => (/^[\w ,.()-]+$/.test(text) ? text : JSON.stringify(text));

/** The same workflow under another name and slug; everything else stays, comments too. */
export function copyOf(source: string, { slug, name }: { slug: string; name: string }): string {
  return source
    .replace(/^(\s*"?slug"?\s*:\s*)("[^"]*"|'[^']*'|[^\s,#]+)/m, (_, key: string) =>
      key.includes('"') ? `${key}"${slug}-copy"` : `${key}${slug}-copy`,
    )
    .replace(/^(\s*"?name"?\s*:\s*)("[^"]*"|'[^']*'|[^\n#]+?)(?=\s*(#|,|$))/m, (_, key: string) =>
      key.includes('"') ? `${key}${JSON.stringify(`${name} (copy)`)}` : `${key}${quoted(`${name} (copy)`)}`,
    );
}
