import { useQuery } from "@tanstack/react-query";
import { openApprovalsQuery } from "@/lib/api/approvals";
import { useSettled } from "./useSettled";

/** How many approvals wait in this project; undefined until it is known. */
export function useOpenApprovals(): number | undefined {
  return useQuery({ ...openApprovalsQuery(), enabled: useSettled() }).data;
}
