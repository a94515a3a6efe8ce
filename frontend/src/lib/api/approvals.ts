/** Questions a run puts to people: reading them, counting the open ones, deciding. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { JsonObject } from "./types";

export type ApprovalFilter = { state?: "open" | "decided"; run?: string };

export const approvalsQuery = (filter: ApprovalFilter = {}) =>
  cursorList(keys.approvals.list(filter), (cursor, signal) =>
    unwrap(api.GET("/api/v1/approvals/", { params: { query: { ...filter, cursor } }, signal })),
  );

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: keys.approvals.detail(id),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/approvals/{approval_id}/", {
          params: { path: { approval_id: id } },
          signal,
        }),
      ),
  });

export interface Decision {
  approved: boolean;
  /** Of a question with options: the chosen one. */
  option?: string;
  comment: string;
  fields?: JsonObject;
}

/** Have a notice sent once more, soon. */
export function useSendAgain(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (noticeId: string) =>
      unwrap(
        api.POST("/api/v1/approvals/{approval_id}/notices/{notice_id}/delivery/", {
          params: { path: { approval_id: id, notice_id: noticeId } },
        }),
      ),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.approvals.detail(id) }),
        client.invalidateQueries({ queryKey: keys.approvals.lists }),
      ]),
  });
}

export function useDecide(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (decision: Decision) =>
      unwrap(
        api.POST("/api/v1/approvals/{approval_id}/decision/", {
          params: { path: { approval_id: id } },
          body: { option: "", ...decision },
        }),
      ),
    // Also after a refusal: somebody else may have decided first, and the answer says so.
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.approvals.detail(id) }),
        client.invalidateQueries({ queryKey: keys.approvals.lists }),
      ]),
  });
}
