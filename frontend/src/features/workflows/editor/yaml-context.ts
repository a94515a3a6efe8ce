/**
 * Where in a YAML text the cursor stands: which keys lead there, and what is beside it. Works on lines
 * and indentation, because a text is broken most of the time while it is being written.
 */
export type YamlPath = (string | number)[];

/** One mapping around the cursor: how to get there, and the plain values of its keys. */
export interface Level {
  path: YamlPath;
  keys: Map<string, string>;
}

export interface YamlContext {
  /** Of the value that is being written; in a key's place of the mapping it belongs to. */
  path: YamlPath;
  place: "key" | "value";
  /** What is written of the word already; it begins at this offset. */
  word: string;
  from: number;
  /** The mappings around it, the innermost first. */
  levels: Level[];
}

interface Token {
  kind: "item" | "key";
  column: number;
  key: string;
  value: string;
  valueColumn: number;
}

const KEY = /^(?:"([^"]*)"|'([^']*)'|([\w$.-]+))\s*:(?=\s|$)/;
const BLOCK_TEXT = /^[|>][-+\d]*$/;
const FARTHEST = 5000;

/** The list marks and the key that a line begins with, and where the rest of it starts. */
function tokensOf(line: string): { tokens: Token[]; rest: number } {
  const tokens: Token[] = [];
  let at = line.length - line.trimStart().length;
  while (line[at] === "-" && (line[at + 1] === " " || line[at + 1] === undefined)) {
    tokens.push({ kind: "item", column: at, key: "", value: "", valueColumn: at + 1 });
    at += 1;
    while (line[at] === " ") at += 1;
  }
  const found = KEY.exec(line.slice(at));
  if (!found) return { tokens, rest: at };
  const key = found[1] ?? found[2] ?? found[3] ?? "";
  const after = at + found[0].length;
  const value = line.slice(after);
  const valueColumn = after + value.length - value.trimStart().length;
  tokens.push({ kind: "key", column: at, key, value: withoutComment(value).trim(), valueColumn });
  return { tokens, rest: valueColumn };
}

const isEmpty = (line: string): boolean => /^\s*(#|$)/.test(line);

function withoutComment(text: string): string {
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at] ?? "";
    if (quote) quote = mark === quote ? "" : quote;
    else if (mark === '"' || mark === "'") quote = mark;
    else if (mark === "#" && (at === 0 || /\s/.test(text[at - 1] ?? ""))) return text.slice(0, at);
  }
  return text;
}

const plain = (value: string): string => value.trim().replace(/^(["'])(.*)\1$/, "$2");

/** Null where nothing can be offered: in comments and in texts over several lines. */
export function contextAt(text: string, offset: number): YamlContext | null {
  const lines = text.slice(0, offset).split("\n");
  const before = lines.pop() ?? "";
  if (withoutComment(before) !== before) return null;
  const below = text.slice(offset).split("\n").slice(1);
  const { tokens, rest } = tokensOf(before);
  const first = tokens[0]?.column ?? rest;
  const around = walkUp(lines, tokens, first);
  if (!around) return null;
  const [inner] = around;
  if (!inner) return null;
  const last = tokens.at(-1);
  const written = before.slice(rest);
  if (last?.kind !== "key") addBelow(inner, below, rest);
  const path = last?.kind === "key" ? [...inner.path, last.key] : inner.path;
  const start = offset - written.length;
  if (/^[{[]/.test(written)) return inFlow(written, start, path, around);
  const place = last?.kind === "key" ? "value" : "key";
  const quoted = /^["']/.test(written) ? 1 : 0;
  return { path, place, word: written.slice(quoted), from: start + quoted, levels: around };
}

/** The mappings that a line is in, the innermost first; null inside a text over several lines. */
function walkUp(lines: string[], own: Token[], first: number): Level[] | null {
  // Built from the inside out and turned round at the end.
  const path: YamlPath = [];
  const levels: { depth: number; keys: Map<string, string> }[] = [{ depth: 0, keys: new Map() }];
  let limit = first;
  let inItems = own[0]?.kind === "item";
  for (const token of [...own].reverse()) if (token.kind === "item") path.push(0);
  for (let index = lines.length - 1; index >= Math.max(0, lines.length - FARTHEST); index -= 1) {
    const line = lines[index] ?? "";
    if (isEmpty(line)) continue;
    for (const token of tokensOf(line).tokens.reverse()) {
      const isOuter = token.column < limit || (inItems && token.kind === "key" && token.column === limit);
      if (isOuter) {
        if (token.kind === "key" && BLOCK_TEXT.test(token.value)) return null;
        path.push(token.kind === "key" ? token.key : 0);
        limit = token.column;
        inItems = token.kind === "item";
        if (token.kind === "key") levels.push({ depth: path.length, keys: new Map() });
      } else if (token.column === limit && token.kind === "item" && inItems) {
        const place = path[path.length - 1];
        if (typeof place === "number") path[path.length - 1] = place + 1;
      }
      if (token.kind === "key" && token.column === limit && !inItems) {
        levels.at(-1)?.keys.set(token.key, plain(token.value));
      }
    }
  }
  const whole = [...path].reverse();
  return levels.map(({ depth, keys }) => ({ path: whole.slice(0, whole.length - depth), keys }));
}

/** The keys further down in the same mapping. */
function addBelow(level: Level, below: string[], column: number): void {
  for (const line of below) {
    if (isEmpty(line)) continue;
    const { tokens } = tokensOf(line);
    const start = line.length - line.trimStart().length;
    const [first] = tokens;
    if (start < column || first?.kind === "item") return;
    if (first?.column === column) level.keys.set(first.key, plain(first.value));
  }
}

interface Frame {
  isMap: boolean;
  path: YamlPath;
  keys: Map<string, string>;
  key: string | null;
  index: number;
}

/** Inside `{a: b, c: [d]}` on one line. */
function inFlow(text: string, offset: number, path: YamlPath, outer: Level[]): YamlContext | null {
  const frames: Frame[] = [];
  let word = "";
  let from = 0;
  let quote = "";
  const here = (frame: Frame): YamlPath =>
    frame.isMap ? [...frame.path, frame.key ?? ""] : [...frame.path, frame.index];
  const close = (frame: Frame | undefined) => {
    if (frame?.isMap && frame.key !== null) frame.keys.set(frame.key, plain(word));
    else if (frame?.isMap && word.trim()) frame.keys.set(plain(word), "");
  };
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at] ?? "";
    const frame = frames.at(-1);
    if (quote) {
      if (mark === quote) quote = "";
      word += mark;
    } else if (mark === '"' || mark === "'") {
      quote = mark;
      word += mark;
    } else if (mark === "{" || mark === "[") {
      const opened = frame ? here(frame) : path;
      frames.push({ isMap: mark === "{", path: opened, keys: new Map(), key: null, index: 0 });
      word = "";
      from = at + 1;
    } else if (mark === "}" || mark === "]") {
      close(frame);
      frames.pop();
      word = "";
      from = at + 1;
    } else if (mark === ",") {
      close(frame);
      if (frame) {
        frame.key = null;
        frame.index += 1;
      }
      word = "";
      from = at + 1;
    } else if (mark === ":" && frame?.isMap && frame.key === null && /^(\s|$)/.test(text.slice(at + 1))) {
      frame.key = plain(word);
      word = "";
      from = at + 1;
    } else word += mark;
  }
  const frame = frames.at(-1);
  if (!frame) return null;
  const skipped = word.length - word.trimStart().length;
  const quoted = quote && word.trimStart().startsWith(quote) ? 1 : 0;
  const inner = frames
    .filter(({ isMap }) => isMap)
    .map(({ path: own, keys }): Level => ({ path: own, keys }));
  return {
    path: frame.isMap && frame.key === null ? frame.path : here(frame),
    place: frame.isMap && frame.key === null ? "key" : "value",
    word: word.trimStart().slice(quoted),
    from: offset + from + skipped + quoted,
    levels: [...inner.reverse(), ...outer],
  };
}
