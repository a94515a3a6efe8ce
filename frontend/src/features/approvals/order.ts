/** Who an open approval waits for: first what this user can decide, then the rest. */
import type { Approval } from "@/lib/api/types";

export function mineFirst(approvals: readonly Approval[]): { mine: Approval[]; others: Approval[] } {
  return {
    mine: approvals.filter(({ can_decide }) => can_decide),
    others: approvals.filter(({ can_decide }) => !can_decide),
  };
}
