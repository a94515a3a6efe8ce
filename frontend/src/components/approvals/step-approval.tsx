/** The question of one step, inside the page of its run. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { SkeletonRows } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { approvalsQuery } from "@/lib/api/approvals";
import { ApprovalCard } from "./approval-card";

export function StepApproval({ runId, stepId }: { runId: string; stepId: string }) {
  const query = useInfiniteQuery(approvalsQuery({ run: runId }));
  return (
    <Loaded
      query={query}
      what="The approval could not be loaded"
      skeleton={<SkeletonRows rows={3} className="h-10" />}
    >
      {(approvals) => {
        // Newest first: a retried step asks again.
        const approval = approvals.find(({ step }) => step.id === stepId);
        if (!approval) return <p className="text-muted">The question is made when the step starts.</p>;
        return <ApprovalCard key={approval.id} approval={approval} bare />;
      }}
    </Loaded>
  );
}
