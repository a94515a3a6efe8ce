import { useCallback, useSyncExternalStore } from "react";
import { readClock, subscribeClock } from "./clock";

/** The shared time in ms; re-renders every `every` ms. */
export function useNow(every = 1000): number {
  const subscribe = useCallback((listener: () => void) => subscribeClock(every, listener), [every]);
  return useSyncExternalStore(subscribe, () => readClock(every));
}
