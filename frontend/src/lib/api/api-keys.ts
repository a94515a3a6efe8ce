/** API keys: reading, making, rotating, changing and revoking them, and waiting for the first use of one. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { ApiKey, ApiKeyDetail, NewApiKey, Page } from "./types";

export type Scope = ApiKey["scopes"][number];
export type KeysFilter = { state?: "usable" | "over" };
export type WantedKey = {
  name: string;
  scopes: Scope[];
  agent_id?: string | null;
  expires_at?: string | null;
};

export const apiKeysQuery = (filter: KeysFilter = {}) =>
  cursorList<ApiKey>(
    keys.apiKeys.list(filter),
    (cursor, signal) =>
      unwrap(api.GET("/api/v1/keys/", { params: { query: { ...filter, cursor } }, signal })) as Promise<
        Page<ApiKey>
      >,
  );

/** Asked again every so often while somebody waits for its first use; what agents do also refreshes it. */
export const apiKeyQuery = (key_id: string, everyMs: number | false = false) =>
  queryOptions({
    queryKey: keys.apiKeys.detail(key_id),
    queryFn: ({ signal }): Promise<ApiKeyDetail> =>
      unwrap(api.GET("/api/v1/keys/{key_id}/", { params: { path: { key_id } }, signal })),
    refetchInterval: everyMs,
  });

export function useCreateKey() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: WantedKey): Promise<NewApiKey> => unwrap(api.POST("/api/v1/keys/", { body })),
    onSuccess: refresh,
  });
}

export function useRotateKey(key_id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (overlap_hours: number): Promise<NewApiKey> =>
      unwrap(
        api.POST("/api/v1/keys/{key_id}/rotation/", {
          params: { path: { key_id } },
          body: { overlap_hours },
        }),
      ),
    onSettled: refresh,
  });
}

export function useChangeKey(key_id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: { name?: string; expires_at?: string | null }) =>
      unwrap(api.PATCH("/api/v1/keys/{key_id}/", { params: { path: { key_id } }, body })),
    onSettled: refresh,
  });
}

export function useRevokeKey(key_id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (): Promise<unknown> =>
      unwrap<unknown>(api.DELETE("/api/v1/keys/{key_id}/", { params: { path: { key_id } } })),
    onSettled: refresh,
  });
}

function useRefresh() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.apiKeys.all });
}
