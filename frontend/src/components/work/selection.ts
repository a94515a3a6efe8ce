/** Rows chosen in a list: one by one, a range with Shift, all that are shown. */
import { useRef, useState } from "react";

export interface Selection {
  ids: ReadonlySet<string>;
  has: (id: string) => boolean;
  /** With `range` also everything between it and the row that was chosen before. */
  toggle: (id: string, range: boolean) => void;
  toggleAll: () => void;
  clear: () => void;
}

/** The ids from one row to another in the order they are shown. */
export function between(order: readonly string[], from: string, to: string): string[] {
  const [a, b] = [order.indexOf(from), order.indexOf(to)];
  if (a < 0 || b < 0) return [to];
  return order.slice(Math.min(a, b), Math.max(a, b) + 1);
}

export function useSelection(order: readonly string[]): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const last = useRef<string | null>(null);
  const toggle = (id: string, range: boolean) => {
    const next = new Set(ids);
    const isOn = !ids.has(id);
    const touched = range && last.current ? between(order, last.current, id) : [id];
    for (const one of touched) isOn ? next.add(one) : next.delete(one);
    last.current = id;
    setIds(next);
  };
  const isAll = order.length > 0 && order.every((id) => ids.has(id));
  return {
    ids,
    has: (id) => ids.has(id),
    toggle,
    toggleAll: () => setIds(new Set(isAll ? [] : order)),
    clear: () => setIds(new Set()),
  };
}
