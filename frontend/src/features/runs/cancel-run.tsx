/** Cancels a run after asking, because what its agents do is given up. */
import { Confirm } from "@/components/work/confirm";
import { useCanOperate } from "@/hooks";
import { useCancelRun } from "@/lib/api/runs";
import type { Run } from "@/lib/api/types";
import { isOver } from "./model";

export function CancelRun({ run }: { run: Run }) {
  const cancel = useCancelRun(run.id);
  const mayCancel = useCanOperate();
  if (!mayCancel || isOver(run.status)) return null;
  return (
    <Confirm
      label="Cancel run"
      pendingLabel="Cancelling…"
      keep="Keep running"
      title={`Cancel run #${run.number}?`}
      description="Steps that run now are stopped and the rest are not started."
      mutation={cancel}
    >
      Finished steps keep their output. A cancelled run cannot be continued.
    </Confirm>
  );
}
