/** Keeps what has left a live list in its place, so that nobody's half-written answer vanishes. */
import { useState } from "react";

interface Identified {
  id: string;
}

/** `before` in its order with the newest values; rows not seen before follow. */
export function keep<Row extends Identified>(before: readonly Row[], rows: readonly Row[]): readonly Row[] {
  const known = new Map(before.map((row) => [row.id, row]));
  const current = new Map(rows.map((row) => [row.id, row]));
  const added = rows.filter(({ id }) => !known.has(id));
  const isSame = added.length === 0 && before.every((row) => (current.get(row.id) ?? row) === row);
  if (isSame) return before;
  return [...before.map((row) => current.get(row.id) ?? row), ...added];
}

export function useKept<Row extends Identified>(rows: readonly Row[]): readonly Row[] {
  const [kept, setKept] = useState<readonly Row[]>(rows);
  const next = keep(kept, rows);
  if (next !== kept) setKept(next);
  return next;
}
