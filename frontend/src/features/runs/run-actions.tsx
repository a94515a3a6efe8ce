/** What can be done with a run now. The state shown is always the server's. */
import { Link } from "@tanstack/react-router";
import { ArrowLeftRight, Pause, Play, Repeat2 } from "lucide-react";
import { useState } from "react";
import { Button, buttonClass } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import { RunAgain } from "@/components/work/start-run";
import { useCanOperate } from "@/hooks";
import { usePauseRun } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";
import type { Run, Step } from "@/lib/api/types";
import { CancelRun } from "./cancel-run";
import { isOver } from "./model";
import { RetryRun } from "./retry-run";
import { RunPriority } from "./run-priority";

export function RunActions({ run, step }: { run: Run; step: Step | undefined }) {
  const mayAct = useCanOperate();
  if (!mayAct) return <Compare run={run} />;
  return (
    <div className="flex gap-2 max-md:grid max-md:w-[calc(100vw-32px)] max-md:grid-cols-2">
      {!isOver(run.status) && <PauseRun run={run} />}
      <RetryRun run={run} step={step} />
      <Again run={run} />
      {!isOver(run.status) && <RunPriority run={run} />}
      <Compare run={run} />
      <CancelRun run={run} />
    </div>
  );
}

/** With the one before it of its workflow; another can be chosen there. */
function Compare({ run }: { run: Run }) {
  return (
    <Link to="/runs/compare" search={{ b: run.id }} className={buttonClass()}>
      <ArrowLeftRight size={14} aria-hidden />
      Compare
    </Link>
  );
}

function PauseRun({ run }: { run: Run }) {
  const pause = usePauseRun(run.id);
  const isPaused = run.status === "paused";
  const [Icon, word, busy] = isPaused ? [Play, "Resume", "Resuming…"] : [Pause, "Pause", "Pausing…"];
  return (
    <Button
      variant={isPaused ? "primary" : "secondary"}
      busy={pause.isPending}
      onClick={() =>
        pause.mutate(!isPaused, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
      }
    >
      <Icon size={14} aria-hidden />
      {pause.isPending ? busy : word}
    </Button>
  );
}

function Again({ run }: { run: Run }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Repeat2 size={14} aria-hidden />
        Run again
      </Button>
      {isOpen && <RunAgain open onOpenChange={setOpen} run={run} />}
    </>
  );
}
