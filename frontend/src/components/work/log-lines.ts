/** Choosing and writing out the lines of a log. Pure. */
import type { LogLevel, LogLine } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

const ORDER: LogLevel[] = ["debug", "info", "warning", "error"];

/** The lines of a level or a graver one whose text holds `text`, whatever its case. */
export function chosenLines(lines: readonly LogLine[], level: LogLevel, text: string): readonly LogLine[] {
  const needle = text.trim().toLowerCase();
  if (level === "debug" && needle === "") return lines;
  const least = ORDER.indexOf(level);
  return lines.filter(
    (line) =>
      ORDER.indexOf(line.level) >= least && (needle === "" || line.text.toLowerCase().includes(needle)),
  );
}

/** As a file or on the clipboard: one line each, with the time and the level before it. */
export function writtenOut(lines: readonly LogLine[]): string {
  return lines
    .map(({ at, level, text }) => `${at} ${level.toUpperCase().padEnd(7)} ${visibleText(text)}\n`)
    .join("");
}
