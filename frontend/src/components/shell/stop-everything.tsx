/** Asks before the whole project is held. */
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useMe } from "@/hooks";
import { usePauseProject } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";

export default function StopEverything({ onClose }: { onClose: () => void }) {
  const pause = usePauseProject();
  const project = useMe().data?.project.name ?? "this project";
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Stop everything?"
      description={`No agent of ${project} gets new work until somebody resumes.`}
      footer={
        <>
          <Button onClick={onClose}>Keep going</Button>
          <Button
            variant="danger"
            busy={pause.isPending}
            onClick={() => pause.mutate(true, { onSuccess: onClose })}
          >
            {pause.isPending ? "Stopping…" : "Stop everything"}
          </Button>
        </>
      }
    >
      {pause.error ? (
        <p role="alert" className="text-err">
          {messageOf(pause.error)}
        </p>
      ) : (
        <ul className="flex list-disc flex-col gap-1 pl-5 text-muted">
          <li>What agents do at this moment is finished, and its result is kept.</li>
          <li>Everything else waits in its place, and goes on after “Resume”.</li>
          <li>New runs can still be asked for; they wait too.</li>
        </ul>
      )}
    </Dialog>
  );
}
