/** What a run is about when no step is chosen: its outcome, what happens now, and what it was given. */
import { useQuery } from "@tanstack/react-query";
import { StepApproval } from "@/components/approvals";
import { describeItems } from "@/components/dag";
import { doerOf, StatusText, stepStatus } from "@/components/status";
import { Card } from "@/components/ui/card";
import { Failure } from "@/components/work/failure";
import { NowWriting } from "@/components/work/now-writing";
import { Output } from "@/components/work/output";
import { OutputActions } from "@/components/work/output-actions";
import { Section } from "@/components/work/section";
import { commandRunQuery } from "@/lib/api/commands";
import type { Run, Step } from "@/lib/api/types";
import { plural, sentence, visibleText } from "@/lib/format";
import { localTimes } from "@/lib/time";
import { isOver, stepsOfInterest } from "./model";

interface RunPanelProps {
  run: Run;
  onStep: (key: string) => void;
}

export function RunPanel({ run, onStep }: RunPanelProps) {
  return (
    <Card
      title={isOver(run.status) ? "Outcome" : "Now"}
      bodyClassName="flex flex-col"
      actions={<OutputActions value={run.output} name="output" fileName={`run-${run.number}-output`} />}
    >
      <div className="flex flex-col gap-3 p-4">
        {run.error && <Failure error={run.error} title="This run failed" />}
        {run.status === "completed" && <Output value={run.output} empty="Finished without an output." />}
        {run.status === "cancelled" && (
          <p className="text-muted">
            {sentence(visibleText(run.status_reason)) || "This run was cancelled."}
          </p>
        )}
        {run.status !== "completed" && run.status !== "cancelled" && <Present run={run} onStep={onStep} />}
      </div>
      <Section
        title="Input"
        actions={<OutputActions value={run.input} name="input" fileName={`run-${run.number}-input`} />}
      >
        <Output plain value={run.input} empty="This run takes no input." />
      </Section>
    </Card>
  );
}

/** More would bury the rest of the page. */
const MOST_SHOWN = 5;

function Present({ run, onStep }: RunPanelProps) {
  const steps = stepsOfInterest(run);
  if (steps.length === 0) {
    return (
      <p className="text-muted">
        {sentence(visibleText(run.status_reason)) || "Nothing is running at this moment."}
      </p>
    );
  }
  const rest = steps.length - MOST_SHOWN;
  return (
    <>
      {steps.slice(0, MOST_SHOWN).map((step) => (
        <PresentStep key={step.id} step={step} onStep={onStep} />
      ))}
      {rest > 0 && (
        <p className="text-muted">And {plural(rest, "more step", "more steps")} in the same state.</p>
      )}
    </>
  );
}

function PresentStep({ step, onStep }: { step: Step; onStep: (key: string) => void }) {
  const id = step.command_run_id;
  const isRunning = step.status === "running";
  const { data: commandRun } = useQuery({ ...commandRunQuery(id ?? ""), enabled: isRunning && id !== null });
  return (
    <div className="flex flex-col gap-2">
      <p className="flex flex-wrap items-center gap-x-3">
        <button
          type="button"
          onClick={() => onStep(step.key)}
          className="font-semibold text-accent hover:underline max-md:min-h-11"
        >
          {visibleText(step.name)}
        </button>
        <StatusText status={stepStatus(step)} />
        <span className="text-meta text-muted">{visibleText(doerOf(step))}</span>
      </p>
      {step.approval_id && step.status === "waiting" ? (
        <StepApproval id={step.approval_id} />
      ) : step.items ? (
        <p className="text-muted tnum">{describeItems(step.items)}</p>
      ) : isRunning && id !== null ? (
        <NowWriting
          progress={step.progress}
          message={step.message}
          text={commandRun?.text ?? ""}
          label={`What ${step.agent?.name ?? "the agent"} writes now`}
        />
      ) : (
        <p className="text-muted">
          {sentence(localTimes(visibleText(step.error?.message || step.wait_reason)))}
        </p>
      )}
    </div>
  );
}
