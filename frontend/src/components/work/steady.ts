/** Keeps a live list still while somebody reads it: rows change in place, new ones wait behind a button. */
import { type FocusEvent, useState } from "react";

interface Identified {
  id: string;
}

/** Rows in the order of `held`; rows below the last held one were asked for ("load more") and are added. */
export function arrange<Row extends Identified>(
  rows: readonly Row[],
  held: readonly string[],
): { shown: Row[]; fresh: number } {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const known = new Set(held);
  const lastHeld = rows.findLastIndex(({ id }) => known.has(id));
  const shown = held.flatMap((id) => byId.get(id) ?? []);
  let fresh = 0;
  rows.forEach((row, index) => {
    if (known.has(row.id)) return;
    if (index > lastHeld) shown.push(row);
    else fresh++;
  });
  return { shown, fresh };
}

export function useSteady<Row extends Identified>(rows: readonly Row[]) {
  const [held, setHeld] = useState<readonly string[] | null>(null);
  const { shown, fresh } = held ? arrange(rows, held) : { shown: [...rows], fresh: 0 };
  const hold = () => setHeld((current) => current ?? rows.map(({ id }) => id));
  const release = () => setHeld(null);
  return {
    shown,
    fresh,
    release,
    area: {
      onPointerEnter: hold,
      onPointerLeave: ({ currentTarget }: { currentTarget: Element }) => {
        if (!currentTarget.contains(document.activeElement)) release();
      },
      onFocus: hold,
      onBlur: ({ currentTarget, relatedTarget }: FocusEvent) => {
        if (!currentTarget.contains(relatedTarget) && !currentTarget.matches(":hover")) release();
      },
    },
  };
}
