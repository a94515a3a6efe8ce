/** Holds back all runs of one workflow, says that they are held, and lets them go on. */
import { useQuery } from "@tanstack/react-query";
import { Pause, Play } from "lucide-react";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { PausedNote } from "@/components/work/paused-note";
import { useCanOperate } from "@/hooks";
import { usePauseWorkflow, workflowPauseQuery } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";
import type { Workflow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

export function PauseWorkflow({ workflow }: { workflow: Workflow }) {
  const pause = usePauseWorkflow(workflow.slug);
  const mayPause = useCanOperate();
  if (!mayPause) return null;
  if (workflow.paused) {
    return (
      <Button
        busy={pause.isPending}
        onClick={() =>
          pause.mutate(false, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
        }
      >
        <Play size={14} aria-hidden />
        {pause.isPending ? "Resuming…" : "Resume"}
      </Button>
    );
  }
  return (
    <Confirm
      variant="secondary"
      label="Pause"
      pendingLabel="Pausing…"
      keep="Keep going"
      title={`Pause ${visibleText(workflow.name)}?`}
      description="All its runs are held until somebody resumes."
      icon={<Pause size={14} aria-hidden />}
      mutation={{ ...pause, mutate: (_, options) => pause.mutate(true, options) }}
    >
      Steps that run now are finished and nothing new is started. Runs asked for meanwhile wait too.
    </Confirm>
  );
}

export function WorkflowPaused({ workflow: { slug, paused } }: { workflow: Workflow }) {
  const { data: pause } = useQuery({ ...workflowPauseQuery(slug), enabled: paused });
  if (!paused) return null;
  return (
    <PausedNote what="This workflow is paused" by={pause?.by} at={pause?.at}>
      None of its runs starts a new step.
    </PausedNote>
  );
}
