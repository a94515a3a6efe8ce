import { notifyManager, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/lib/api/errors";

// The default setTimeout(0) would push a flush done in an animation frame into the next frame.
notifyManager.setScheduler(queueMicrotask);

/** No retry of what the client did wrong, except "slow down"; three tries of everything else. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429)
    return false;
  return failures < 3;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: shouldRetry,
      refetchOnWindowFocus: false,
      networkMode: "always",
    },
    mutations: { networkMode: "always", retry: false },
  },
});
