/** Puts one run before or after others. */
import { CircleFadingArrowUp } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { usePrioritiseRun } from "@/lib/api/bulk";
import { messageOf } from "@/lib/api/errors";
import type { Run } from "@/lib/api/types";
import { isPriority, PriorityField } from "./priority-field";

export function RunPriority({ run }: { run: Run }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <CircleFadingArrowUp size={14} aria-hidden />
        Priority…
      </Button>
      {isOpen && <PriorityDialog run={run} onClose={() => setOpen(false)} />}
    </>
  );
}

function PriorityDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const [text, setText] = useState(String(run.priority));
  const form = useId();
  const save = usePrioritiseRun(run.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isPriority(text)) save.mutate(Number(text), { onSuccess: onClose });
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Priority of run #${run.number}`}
      description="What it has queued moves with it. What runs already is not touched."
      footer={
        <>
          <Button onClick={onClose}>Keep {run.priority}</Button>
          <Button
            type="submit"
            form={form}
            variant="primary"
            busy={save.isPending}
            disabled={!isPriority(text)}
          >
            {save.isPending ? "Setting…" : "Set priority"}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className="flex flex-col gap-2">
        <PriorityField value={text} onChange={setText} />
        {save.error && (
          <p role="alert" className="text-err">
            {messageOf(save.error)}
          </p>
        )}
      </form>
    </Dialog>
  );
}
