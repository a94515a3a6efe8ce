/** Whether the first figures have been painted. What can wait (charts, names, feeds) waits for this. */
import { useEffect, useSyncExternalStore } from "react";
import { useDashboardStats } from "./useDashboard";

let settled = false;
let scheduled = false;
const listeners = new Set<() => void>();

function settle(): void {
  if (settled) return;
  settled = true;
  for (const listener of listeners) listener();
}
function afterPaint(): void {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => setTimeout(settle));
  // A hidden tab paints nothing and must not wait for it.
  setTimeout(settle, 300);
}
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSettled(): boolean {
  const { isPending } = useDashboardStats();
  useEffect(() => {
    if (!isPending) afterPaint();
  }, [isPending]);
  return useSyncExternalStore(subscribe, () => settled);
}
