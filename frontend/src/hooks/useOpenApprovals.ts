import { useQuery } from "@tanstack/react-query";
import { loadSnapshot } from "@/app/live";
import { queryClient } from "@/app/query";
import { keys } from "@/lib/api/keys";

/** How many approvals wait in this project; undefined until it is known. Every event about one brings the new count. */
export function useOpenApprovals(): number | undefined {
  return useQuery(
    {
      queryKey: keys.approvals.openCount,
      queryFn: async () => (await loadSnapshot()).open_approvals,
      staleTime: Number.POSITIVE_INFINITY,
      retry: 1,
      retryDelay: 1000,
    },
    queryClient,
  ).data;
}
