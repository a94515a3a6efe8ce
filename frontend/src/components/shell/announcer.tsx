/** One polite live region for the app: batches of events become one sentence, never one each. */
import { useSyncExternalStore } from "react";
import { plural } from "@/lib/format";

const waiting = new Map<string, number>();
let text = "";
let timer: ReturnType<typeof setTimeout> | null = null;
const listeners = new Set<() => void>();

/** `what` is a singular noun phrase: "run failed" becomes "3 runs failed". */
export function announce(what: string): void {
  waiting.set(what, (waiting.get(what) ?? 0) + 1);
  if (timer) return;
  timer = setTimeout(() => {
    timer = null;
    text = [...waiting].map(([phrase, n]) => sentence(phrase, n)).join(", ");
    waiting.clear();
    for (const listener of listeners) listener();
  }, 2000);
}

function sentence(phrase: string, n: number): string {
  const [noun = "", ...rest] = phrase.split(" ");
  return [plural(n, noun), ...rest].join(" ");
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Announcer() {
  const current = useSyncExternalStore(subscribe, () => text);
  return (
    <div role="status" aria-live="polite" className="sr-only">
      {current}
    </div>
  );
}
