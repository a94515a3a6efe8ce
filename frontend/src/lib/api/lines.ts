/** Putting the lines of a log together. Pure: the socket and the pages of the API use it alike. */
import type { LogLine } from "./types";

/** Lines that follow on the known ones; null when some between them are missing. */
export function joined(known: readonly LogLine[], more: readonly LogLine[]): readonly LogLine[] | null {
  const last = known.at(-1)?.number ?? 0;
  const fresh = more.filter(({ number }) => number > last);
  if (fresh[0] === undefined) return known;
  return fresh[0].number === last + 1 ? [...known, ...fresh] : null;
}
