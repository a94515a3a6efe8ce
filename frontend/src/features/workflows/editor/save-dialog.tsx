/** What is going to be saved, against the version there is, and what to do when somebody was faster. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { validate } from "@/lib/api/definitions";
import { ApiError, messageOf } from "@/lib/api/errors";
import type { Validation } from "@/lib/api/types";
import { plural, visibleText } from "@/lib/format";
import { changeNote, DifferenceView } from "../change-list";

interface SaveDialogProps {
  slug: string;
  text: string;
  /** The version the text was written from. */
  base: number;
  busy: boolean;
  error: Error | null;
  onSave: (base: number) => void;
  onClose: () => void;
}

export function SaveDialog(props: SaveDialogProps) {
  const { slug, text, base, busy, error, onSave, onClose } = props;
  const query = useQuery({
    // The answer is about this text and this moment: a newer version makes it another one.
    queryKey: ["definitions", "before-saving", slug, text, base, error?.message ?? ""],
    queryFn: ({ signal }) => validate({ source: text, workflow: slug, compare: true }, signal),
    gcTime: 0,
    staleTime: 0,
  });
  const checked = query.data;
  const save = useRef<HTMLButtonElement>(null);
  const isReady = checked?.valid ?? false;
  // Ctrl-S and Enter save, once what changes is in sight.
  useEffect(() => {
    if (isReady) save.current?.focus();
  }, [isReady]);
  const current = checked?.difference?.current.number;
  const isOvertaken = current !== undefined && current !== base;
  const next = (current ?? base) + 1;
  const note = checked?.difference ? changeNote(checked.difference) : undefined;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={isOvertaken ? `Save on top of version ${current}?` : `Save version ${next}`}
      description={note ?? "What changes is looked up."}
      footer={
        <>
          <Button onClick={onClose}>Keep editing</Button>
          <Button
            ref={save}
            variant="primary"
            busy={busy}
            disabled={!isReady}
            onClick={() => onSave(current ?? base)}
          >
            {busy ? "Saving…" : isOvertaken ? `Save on top of version ${current}` : `Save version ${next}`}
          </Button>
        </>
      }
    >
      <div className="flex min-w-0 flex-col gap-3">
        {error && !(error instanceof ApiError && error.status === 409) && (
          <p role="alert" className="text-err">
            {messageOf(error)}
          </p>
        )}
        <Loaded
          query={query}
          what="What changes could not be looked up"
          skeleton={<SkeletonRows rows={4} className="h-5" />}
        >
          {(answer) => <Body answer={answer} base={base} isOvertaken={isOvertaken} />}
        </Loaded>
      </div>
    </Dialog>
  );
}

function Body({ answer, base, isOvertaken }: { answer: Validation; base: number; isOvertaken: boolean }) {
  const { problems, difference } = answer;
  if (problems.length > 0) {
    return (
      <p role="alert">
        It cannot be saved yet: {plural(problems.length, "problem")}. The first:{" "}
        {problems[0]?.line ? `line ${problems[0].line}, ` : ""}
        {visibleText(problems[0]?.message ?? "")}
      </p>
    );
  }
  if (!difference) return null;
  return (
    <>
      {isOvertaken && (
        <p role="alert" data-tone="warn" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2">
          {visibleText(difference.current.by) || "Somebody"} saved version {difference.current.number}{" "}
          <TimeAgo at={difference.current.at} />, while you wrote from version {base}. Below is what your text
          changes in theirs. What is marked as removed may be their work: take it over before you save.
        </p>
      )}
      <DifferenceView difference={difference} label="Lines added and removed" />
    </>
  );
}
