import { useCallback, useSyncExternalStore } from "react";

/** Whether the window is so now: `useMatches("(min-width: 768px)")`. For parts that cost too much to draw and hide. */
export function useMatches(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}
