/** How a value an agent was given or produced is read: as named parts, each prose or JSON. */

export interface Part {
  /** Empty when the whole value is one part. */
  name: string;
  text: string;
  /** JSON is shown in the fixed-width face, prose is not. */
  isProse: boolean;
}

export function partsOf(value: unknown): Part[] {
  if (value === null || value === undefined) return [];
  if (typeof value === "string") return value === "" ? [] : [{ name: "", text: value, isProse: true }];
  if (typeof value !== "object" || Array.isArray(value)) return [partOf("", value)];
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  const only = entries.length === 1 ? entries[0] : undefined;
  if (only?.[0] === "text") return [partOf("", only[1])];
  return entries.map(([name, item]) => partOf(name, item));
}

function partOf(name: string, value: unknown): Part {
  if (typeof value === "string") return { name, text: value, isProse: true };
  return { name, text: JSON.stringify(value, null, 2) ?? "", isProse: typeof value !== "object" };
}

/** The value as the file a user downloads. */
export function fileOf(value: unknown): { text: string; extension: "txt" | "json" } {
  const parts = partsOf(value);
  const whole = parts.length === 1 && parts[0]?.name === "" && parts[0].isProse ? parts[0].text : null;
  return whole === null
    ? { text: JSON.stringify(value, null, 2), extension: "json" }
    : { text: whole, extension: "txt" };
}

const LONG_TEXT = 1_500;
const LONG_LINES = 18;

export function isLong(text: string): boolean {
  if (text.length > LONG_TEXT) return true;
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0 && lines <= LONG_LINES; at = text.indexOf("\n", at + 1)) lines++;
  return lines > LONG_LINES;
}

/** The browser lays out this much of one text; the rest is in the download. */
export const MOST_SHOWN = 200_000;
