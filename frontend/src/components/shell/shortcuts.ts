import { useEffect, useRef } from "react";
import { type NavItem, navItems } from "./nav";

type Actions = { go: (to: NavItem["to"]) => void; search: () => void; help: () => void };

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** `g` then a letter, `/`, `?` and Ctrl/Cmd-K; silent while typing, on repeats and inside dialogs. */
export function useShortcuts(actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let goUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.repeat || event.defaultPrevented) return;
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.search();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      const item = Date.now() < goUntil && navItems.find((each) => each.key === event.key);
      goUntil = 0;
      if (item) latest.current.go(item.to);
      else if (event.key === "g") goUntil = Date.now() + 1200;
      else if (event.key === "?") latest.current.help();
      else if (event.key === "/") {
        event.preventDefault();
        const field = document.querySelector<HTMLInputElement>("main input[type=search]");
        if (field) field.focus();
        else latest.current.search();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
