/** The question of one step, inside the page of its run. */
import { useQuery } from "@tanstack/react-query";
import { SkeletonRows } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { approvalQuery } from "@/lib/api/approvals";
import { ApprovalCard } from "./approval-card";

export function StepApproval({ id }: { id: string }) {
  const query = useQuery(approvalQuery(id));
  return (
    <Loaded
      query={query}
      what="The approval could not be loaded"
      skeleton={<SkeletonRows rows={3} className="h-10" />}
    >
      {(approval) => <ApprovalCard key={approval.id} approval={approval} bare />}
    </Loaded>
  );
}
