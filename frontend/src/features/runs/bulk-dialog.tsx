/** Asks before a verb is done on many runs, says on how many and which refuse, and shows how far it is. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { type BulkVerb, type Chosen, look, type Refusal, useBulk } from "@/lib/api/bulk";
import { messageOf } from "@/lib/api/errors";
import type { RunRow } from "@/lib/api/types";
import { count, plural, visibleText } from "@/lib/format";
import { isPriority, PriorityField } from "./priority-field";

type Words = { title: string; will: string; was: string; act: string; acting: string; note: string };
const WORDS: Record<BulkVerb, Words> = {
  pauses: {
    title: "Pause these runs?",
    will: "will be paused",
    was: "paused",
    act: "Pause",
    acting: "Pausing…",
    note: "What runs goes on to its end; nothing more is started.",
  },
  resumes: {
    title: "Resume these runs?",
    will: "will go on",
    was: "resumed",
    act: "Resume",
    acting: "Resuming…",
    note: "Deadlines move by the time they were paused.",
  },
  retries: {
    title: "Retry these runs?",
    will: "will be retried",
    was: "retried",
    act: "Retry",
    acting: "Retrying…",
    note: "What failed, and what was skipped because of it, is done again. Finished outputs stay.",
  },
  reruns: {
    title: "Run these again?",
    will: "will be run again",
    was: "started again",
    act: "Run again",
    acting: "Starting…",
    note: "New runs of the workflows’ current versions, each with the same input.",
  },
  priorities: {
    title: "Change their priority?",
    will: "will get another priority",
    was: "have the new priority",
    act: "Set priority",
    acting: "Setting…",
    note: "What they have queued moves with them. What runs already is not touched.",
  },
  cancellations: {
    title: "Cancel these runs?",
    will: "will be cancelled",
    was: "cancelled",
    act: "Cancel runs",
    acting: "Cancelling…",
    note: "Steps that run now are stopped. A cancelled run can be retried, not continued.",
  },
};

interface BulkDialogProps {
  verb: BulkVerb;
  chosen: Chosen;
  rows: readonly RunRow[];
  onClose: (isDone: boolean) => void;
}

export function BulkDialog({ verb, chosen, rows, onClose }: BulkDialogProps) {
  const words = WORDS[verb];
  const [text, setText] = useState("10");
  const priority = verb === "priorities" && isPriority(text) ? Number(text) : undefined;
  const isReady = verb !== "priorities" || priority !== undefined;
  const ask = { verb, chosen, priority };
  const { data, error, refetch } = useQuery({
    queryKey: ["bulk", ask],
    queryFn: () => look(ask),
    enabled: isReady,
    staleTime: 0,
    gcTime: 0,
  });
  const bulk = useBulk();
  const possible = data ? data.done + data.left : 0;
  const name = nameOf(rows);
  const footer = bulk.isSuccess ? (
    <Button variant="primary" onClick={() => onClose(true)}>
      Done
    </Button>
  ) : bulk.isPending ? (
    <Button onClick={bulk.stop}>Stop here</Button>
  ) : (
    <>
      <Button onClick={() => onClose(false)}>Keep as they are</Button>
      <Button
        variant={verb === "cancellations" ? "danger" : "primary"}
        disabled={!isReady || possible === 0}
        onClick={() => bulk.mutate(ask)}
      >
        {words.act}
      </Button>
    </>
  );
  return (
    <Dialog
      open
      onOpenChange={() => !bulk.isPending && onClose(bulk.isSuccess)}
      title={words.title}
      description={words.note}
      footer={footer}
    >
      <div className="flex flex-col gap-3 text-table">
        {verb === "priorities" && bulk.isIdle && <PriorityField value={text} onChange={setText} />}
        {bulk.isIdle &&
          isReady &&
          (data ? (
            <>
              <p>
                <strong className="tnum">{plural(possible, "run")}</strong> {words.will}.
              </p>
              <Refused refused={data.refused} total={data.matched - data.done - data.left} name={name} />
            </>
          ) : error ? (
            <ErrorState error={error} retry={() => void refetch()} what="It could not be checked" />
          ) : (
            <SkeletonRows rows={2} className="h-5" />
          ))}
        {bulk.isPending && <Going label={words.acting} done={bulk.progress.done} total={possible} />}
        {bulk.isError && (
          <p role="alert" className="text-err">
            {messageOf(bulk.error)} {plural(bulk.progress.done, "run")} {words.was} before that.
          </p>
        )}
        {bulk.isSuccess && (
          <>
            <p role="status">
              <strong className="tnum">{plural(bulk.progress.done, "run")}</strong> {words.was}.
            </p>
            <Refused refused={bulk.progress.refused} total={bulk.progress.refused.length} name={name} />
          </>
        )}
      </div>
    </Dialog>
  );
}

function Going({ label, done, total }: { label: string; done: number; total: number }) {
  return (
    <div className="flex flex-col gap-1.5">
      <p role="status" className="tnum">
        {label} {count(done)} of {count(total)}
      </p>
      <progress
        aria-label={label}
        className="h-2 w-full accent-(--accent)"
        max={Math.max(1, total)}
        value={done}
      />
    </div>
  );
}

function Refused({
  refused,
  total,
  name,
}: {
  refused: Refusal[];
  total: number;
  name: (id: string) => string;
}) {
  if (refused.length === 0) return null;
  const more = total - refused.length;
  return (
    <details open={refused.length <= 3}>
      <summary className="cursor-pointer text-muted max-md:min-h-11">
        Why {plural(Math.max(total, refused.length), "run is", "runs are")} left out
      </summary>
      <ul className="mt-1 flex max-h-48 flex-col gap-1 overflow-y-auto">
        {refused.map(({ id, why }) => (
          <li key={id} className="break-words">
            <span className="font-semibold">{name(id)}</span> <span className="text-muted">{why}</span>
          </li>
        ))}
        {more > 0 && <li className="text-muted">and {count(more)} more</li>}
      </ul>
    </details>
  );
}

function nameOf(rows: readonly RunRow[]) {
  const names = new Map(rows.map((run) => [run.id, visibleText(`${run.workflow_name} #${run.number}`)]));
  return (id: string) => names.get(id) ?? `Run ${id.slice(0, 8)}`;
}
