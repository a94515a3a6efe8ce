/** Toasts: pushed from anywhere, drawn by <Toaster/> in the shell. */
export type Toast = {
  id: number;
  level: "info" | "success" | "warning" | "error" | "critical";
  title: string;
  link?: { to: string; label: string };
  /** Same key replaces the toast instead of stacking a second one. */
  key?: string;
};
type Listener = () => void;

let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<Listener>();
const limit = 4;

function publish(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

export function toast(entry: Omit<Toast, "id">): number {
  const id = nextId++;
  const rest = entry.key ? toasts.filter((other) => other.key !== entry.key) : toasts;
  publish([...rest, { ...entry, id }].slice(-limit));
  return id;
}
export const dismissToast = (id: number): void => publish(toasts.filter((each) => each.id !== id));
export const toastStore = {
  read: (): readonly Toast[] => toasts,
  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
