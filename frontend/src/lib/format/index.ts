/** Numbers, durations and sizes for people. Intl instances are costly, so they are made once. */

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const oneDecimal = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 4 });

/** What an unknown figure looks like: never 0, never blank. */
export const unknown = "–";

type Maybe = number | null | undefined;
const known = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** 1,204; 12.3K from 10,000 on. */
export const count = (value: Maybe): string =>
  known(value) ? (Math.abs(value) < 10_000 ? integer.format(value) : compact.format(value)) : unknown;

export const percent = (value: Maybe): string => (known(value) ? `${integer.format(value)}%` : unknown);

export const decimal = (value: Maybe): string => (known(value) ? oneDecimal.format(value) : unknown);

/** Milliseconds of a response: 0.42 ms, 4.2 ms, 42 ms, 1.2 s. */
export function milliseconds(value: Maybe): string {
  if (!known(value)) return unknown;
  if (value >= 1000) return `${oneDecimal.format(value / 1000)} s`;
  if (value >= 10) return `${integer.format(value)} ms`;
  return `${value.toFixed(value >= 1 || value === 0 ? 1 : 2)} ms`;
}

export function megabytes(value: Maybe): string {
  if (!known(value)) return unknown;
  return value >= 1024 ? `${oneDecimal.format(value / 1024)} GB` : `${oneDecimal.format(value)} MB`;
}

export function bytes(value: Maybe): string {
  if (!known(value)) return unknown;
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${oneDecimal.format(value / 1024)} KB`;
  return megabytes(value / 1024 / 1024);
}

export const tokens = (value: Maybe): string => (known(value) ? compact.format(value) : unknown);

export function cost(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === "") return unknown;
  return money.format(Number(value));
}

/** 0.4 s, 12 s, 3 m 04 s, 2 h 05 m, 3 d 4 h. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return unknown;
  const s = Math.max(0, seconds);
  if (s < 10) return `${oneDecimal.format(s)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const pad = (n: number) => String(Math.floor(n)).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${pad((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** A reason from the server, as a sentence of its own. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "code_reviewer" → "Code reviewer". */
export function words(value: string): string {
  const text = value.replace(/[_.-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Text an agent wrote, safe to look at: control, bidi and zero-width characters become visible
 * escapes, so that nothing can reorder or hide what the operator reads.
 */
export function visibleText(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be shown
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
