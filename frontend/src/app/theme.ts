/** Theme choice: dark, light or the system's; the inline script of index.html sets it before paint. */
export type ThemeChoice = "dark" | "light" | "system";

const storageKey = "mc.theme";
const media = () => window.matchMedia("(prefers-color-scheme: light)");
const listeners = new Set<() => void>();

function stored(): ThemeChoice {
  const value = localStorage.getItem(storageKey);
  return value === "dark" || value === "light" ? value : "system";
}
function apply(): void {
  const choice = stored();
  const shown = choice === "system" ? (media().matches ? "light" : "dark") : choice;
  document.documentElement.dataset.theme = shown;
  document
    .querySelector('meta[name="theme-color"]')
    ?.setAttribute("content", shown === "dark" ? "#0d1117" : "#f6f7f9");
  for (const listener of listeners) listener();
}

export const theme = {
  read: stored,
  set(choice: ThemeChoice): void {
    if (choice === "system") localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, choice);
    apply();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  start(): void {
    media().addEventListener("change", apply);
    apply();
  },
};
