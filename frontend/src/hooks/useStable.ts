import { useCallback, useLayoutEffect, useRef } from "react";

/** One function for as long as the component lives that does what the newest one does, so that memoised rows stay. */
export function useStable<Args extends unknown[], Result>(newest: (...args: Args) => Result) {
  const latest = useRef(newest);
  useLayoutEffect(() => {
    latest.current = newest;
  });
  return useCallback((...args: Args): Result => latest.current(...args), []);
}
