import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/lib/api/client";
import { keys } from "@/lib/api/keys";
import { useSettled } from "./useSettled";

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: () => unwrap(api.GET("/api/v1/me/")),
  staleTime: 5 * 60_000,
});

/** Who is signed in, their project and role, and what server this is. */
export function useMe() {
  // After the dashboard's data: it only names things in the frame.
  return useQuery({ ...meQuery, enabled: useSettled() });
}

/** Operators and admins may start, cancel and pause. Unknown counts as no. */
export function useCanOperate(): boolean {
  const role = useMe().data?.project.role;
  return role === "operator" || role === "admin";
}
