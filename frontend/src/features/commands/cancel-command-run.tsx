/** Cancels a command run after asking, because what its agent has done is given up. */
import { Confirm } from "@/components/work/confirm";
import { useCanOperate } from "@/hooks";
import { useCancelCommandRun } from "@/lib/api/commands";
import type { CommandRun } from "@/lib/api/types";

export function CancelCommandRun({ run }: { run: CommandRun }) {
  const cancel = useCancelCommandRun(run.id);
  const mayCancel = useCanOperate();
  if (!mayCancel || run.finished_at !== null) return null;
  return (
    <Confirm
      label="Cancel command"
      pendingLabel="Cancelling…"
      keep="Keep running"
      title="Cancel this command?"
      description="The agent is told to stop at its next report."
      mutation={cancel}
    >
      What it has written so far stays readable. A cancelled command run cannot be continued.
    </Confirm>
  );
}
