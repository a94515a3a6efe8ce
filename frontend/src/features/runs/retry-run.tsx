/** Doing steps of a finished run again: all that did not succeed, or one and what comes after it. */
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { BlockedButton, Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useCanOperate } from "@/hooks";
import { useRetryRun } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";
import type { Run, Step } from "@/lib/api/types";
import { plural, visibleText } from "@/lib/format";
import { isOver, retriedSteps, whyNoRetry } from "./model";

export function RetryRun({ run, step }: { run: Run; step: Step | undefined }) {
  const [isAsking, setAsking] = useState(false);
  const whyNot = whyNoRetry(run, step);
  if (whyNot !== undefined) {
    return (
      <BlockedButton whyNot={whyNot}>
        <Label />
      </BlockedButton>
    );
  }
  return (
    <>
      <Button onClick={() => setAsking(true)}>
        <Label />
      </Button>
      {isAsking && <RetryDialog run={run} step={step} from="failed" onClose={() => setAsking(false)} />}
    </>
  );
}

/** In the panel of a step; nothing while the run goes on. */
export function RetryFrom({ run, step }: { run: Run; step: Step }) {
  const [isAsking, setAsking] = useState(false);
  const mayRetry = useCanOperate();
  if (!mayRetry || !isOver(run.status) || !step.started_at) return null;
  return (
    <>
      <Button size="sm" onClick={() => setAsking(true)}>
        <RotateCcw size={13} aria-hidden />
        <span className="max-sm:sr-only">Retry from here</span>
      </Button>
      {isAsking && <RetryDialog run={run} step={step} from="step" onClose={() => setAsking(false)} />}
    </>
  );
}

const Label = () => (
  <>
    <RotateCcw size={14} aria-hidden />
    Retry
  </>
);

type From = "failed" | "step";

interface RetryDialogProps {
  run: Run;
  step: Step | undefined;
  from: From;
  onClose: () => void;
}

function RetryDialog({ run, step, from: given, onClose }: RetryDialogProps) {
  const retry = useRetryRun(run.id);
  const failed = retriedSteps(run);
  const [from, setFrom] = useState<From>(failed.length === 0 ? "step" : given);
  const key = from === "step" ? step?.key : undefined;
  const again = retriedSteps(run, key);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Retry run #${run.number}?`}
      description="The same run goes on, with the same input."
      footer={
        <>
          <Button onClick={onClose}>Go back</Button>
          <Button
            variant="primary"
            busy={retry.isPending}
            onClick={() => retry.mutate(key, { onSuccess: onClose })}
          >
            {retry.isPending ? "Retrying…" : `Retry ${plural(again.length, "step")}`}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {step && failed.length > 0 && (
          <fieldset className="flex flex-col gap-1">
            <legend className="sr-only">What to do again</legend>
            <Choice value="failed" from={from} onChange={setFrom}>
              What did not succeed
            </Choice>
            <Choice value="step" from={from} onChange={setFrom}>
              Also “{visibleText(step.name)}” and everything after it
            </Choice>
          </fieldset>
        )}
        <Again steps={again} total={run.steps.length} />
        {retry.error && (
          <p role="alert" className="text-err">
            {messageOf(retry.error)}
          </p>
        )}
      </div>
    </Dialog>
  );
}

interface ChoiceProps {
  value: From;
  from: From;
  onChange: (from: From) => void;
  children: React.ReactNode;
}

function Choice({ value, from, onChange, children }: ChoiceProps) {
  return (
    <label className="flex items-center gap-2 max-md:min-h-11">
      <input
        type="radio"
        name="retry-from"
        value={value}
        checked={from === value}
        onChange={() => onChange(value)}
        className="size-4 accent-(--accent) max-md:size-5"
      />
      <span className="min-w-0">{children}</span>
    </label>
  );
}

function Again({ steps, total }: { steps: readonly Step[]; total: number }) {
  return (
    <div className="text-muted">
      <p>{steps.length === total ? "Every step is done again:" : "Done again:"}</p>
      <ol aria-label="Steps that are done again" className="list-disc pl-5 text-fg">
        {steps.map(({ key, name }) => (
          <li key={key}>{visibleText(name)}</li>
        ))}
      </ol>
      {steps.length < total && <p className="mt-2">The other steps keep their output.</p>}
    </div>
  );
}
