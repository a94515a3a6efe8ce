/** One step, or one item of a map: what it waits for or does, its log, what it was given and made. */
import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, X } from "lucide-react";
import { StepApproval } from "@/components/approvals";
import { DemoLabel, StatusChip, stepStatus } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { SkeletonRows } from "@/components/ui/states";
import { Attempts } from "@/components/work/attempts";
import { Failure } from "@/components/work/failure";
import { Holder } from "@/components/work/holder";
import { Loaded } from "@/components/work/loaded";
import { LogView } from "@/components/work/log-view";
import { NowWriting } from "@/components/work/now-writing";
import { Output } from "@/components/work/output";
import { OutputActions } from "@/components/work/output-actions";
import { Section } from "@/components/work/section";
import { commandRunQuery } from "@/lib/api/commands";
import { stepQuery } from "@/lib/api/steps";
import type { CommandRun, Run, Step } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { localTimes } from "@/lib/time";
import { ItemErrors } from "./item-errors";
import { MapItems } from "./map-items";
import { isLarge, isOver } from "./model";
import { RetryFrom } from "./retry-run";
import { StepFacts } from "./step-facts";

interface StepPanelProps {
  run: Run;
  step: Step;
  item: number | undefined;
  onItem: (item: number | undefined) => void;
  onClose: () => void;
}

/** A large run does not hold the newest of each step, and no run holds the items of its maps. */
export function StepPanel({ run, step, item, onItem, onClose }: StepPanelProps) {
  const isApart = item !== undefined || isLarge(run);
  const query = useQuery({ ...stepQuery(run.id, step.key, item), enabled: isApart });
  if (!isApart) return <Panel run={run} step={step} onItem={onItem} onClose={onClose} />;
  if (item === undefined)
    return <Panel run={run} step={{ ...step, ...query.data }} onItem={onItem} onClose={onClose} />;
  return (
    <Loaded
      framed
      query={query}
      what="This item could not be loaded"
      skeleton={
        <div className="card p-4">
          <SkeletonRows rows={8} />
        </div>
      }
    >
      {(found) => <Panel key={found.id} run={run} step={found} onItem={onItem} onClose={onClose} />}
    </Loaded>
  );
}

type PanelProps = Omit<StepPanelProps, "item">;

function Panel({ run, step, onItem, onClose }: PanelProps) {
  const id = step.command_run_id;
  const isItem = step.map_index !== null;
  const { data: commandRun } = useQuery({ ...commandRunQuery(id ?? ""), enabled: id !== null });
  return (
    <Card
      title={visibleText(step.name)}
      note={isItem ? `item ${step.map_index}` : undefined}
      bodyClassName="flex flex-col"
      actions={
        <>
          {step.demo && step.started_at && <DemoLabel className="max-md:hidden" />}
          {!isItem && <RetryFrom run={run} step={step} />}
          <StatusChip status={stepStatus(step)} />
          <Button size="icon" variant="ghost" aria-label="Close step" title="Close step" onClick={onClose}>
            <X size={14} aria-hidden />
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3 p-4">
        {isItem && <BackToItems step={step} onItem={onItem} />}
        <WaitReason step={step} />
        <StepFacts step={step} commandRun={commandRun} />
        {commandRun && <Holder run={commandRun} />}
        {step.approval_id && <StepApproval id={step.approval_id} />}
        {step.error && (
          <Failure error={step.error} title={isItem ? "This item failed" : "This step failed"} />
        )}
        {step.sent_back && !step.error && (
          <Failure
            error={step.sent_back}
            title={`With attempt ${step.sent_back.attempt} it sent the run back`}
          />
        )}
        {step.status === "running" && id !== null && <Writing step={step} commandRun={commandRun} />}
      </div>
      {step.kind === "map" && (
        <Section title="Items">
          <ItemErrors errors={step.item_errors} onItem={onItem} />
          <MapItems runId={run.id} step={step} onItem={onItem} />
        </Section>
      )}
      {isItem && (
        <Section title="Item">
          <Output plain value={step.item} empty="The item is empty." />
        </Section>
      )}
      <Made step={step} />
      {commandRun && (
        <Section title="Log">
          <LogView commandRunId={commandRun.id} fileName={fileOf(step)} live={!isOver(commandRun.status)} />
        </Section>
      )}
      {commandRun && commandRun.attempts.length > 0 && (
        <Section title="Attempts">
          <Attempts attempts={commandRun.attempts} />
        </Section>
      )}
    </Card>
  );
}

function BackToItems({ step, onItem }: { step: Step; onItem: PanelProps["onItem"] }) {
  const place = step.map_index ?? 0;
  return (
    <div className="flex flex-wrap gap-2">
      <Button size="sm" onClick={() => onItem(undefined)}>
        <ChevronLeft size={14} aria-hidden />
        All items
      </Button>
      <Button size="sm" variant="ghost" disabled={place === 0} onClick={() => onItem(place - 1)}>
        Previous
      </Button>
      <Button size="sm" variant="ghost" onClick={() => onItem(place + 1)}>
        Next
      </Button>
    </div>
  );
}

function Writing({ step, commandRun }: { step: Step; commandRun: CommandRun | undefined }) {
  return (
    <NowWriting
      progress={Math.max(step.progress, commandRun?.progress ?? 0)}
      message={commandRun?.message || step.message}
      text={commandRun?.text ?? ""}
      label={`What ${step.agent?.name ?? "the agent"} writes now`}
    />
  );
}

/** What came out and what went in. */
function Made({ step }: { step: Step }) {
  const name = fileOf(step);
  const hasInput = step.kind === "command" || step.kind === "http" || step.kind === "workflow";
  return (
    <>
      {(isOver(step.status) || step.output) && (
        <Section
          title="Output"
          actions={<OutputActions value={step.output} name="output" fileName={`${name}-output`} />}
        >
          <Output value={step.output} empty={noOutput(step)} />
        </Section>
      )}
      {hasInput && (
        <Section
          title="Input"
          actions={<OutputActions value={step.input} name="input" fileName={`${name}-input`} />}
        >
          <Output plain value={step.input} empty={noInput(step)} />
        </Section>
      )}
    </>
  );
}

const fileOf = ({ key, map_index }: Step): string => (map_index === null ? key : `${key}-${map_index}`);

function noInput(step: Step): string {
  if (step.child_run_id) return "It is the input of the run that this step started.";
  return step.started_at ? "There is none." : "The input is made when the step starts.";
}

function noOutput(step: Step): string {
  if (step.status === "skipped") return "Skipped, so there is none.";
  if (step.items && step.items.total > 100) return "Too long to show at once: open the items one by one.";
  return step.status === "completed" ? "Finished without output." : "Ended without output.";
}

function WaitReason({ step }: { step: Step }) {
  const isTold = step.status === "skipped" || !isOver(step.status);
  const isAsked = step.kind === "approval" && step.status === "waiting";
  if (!step.wait_reason || !isTold || isAsked) return null;
  return (
    <p data-tone="hold" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2">
      {sentence(localTimes(visibleText(step.wait_reason)))}
    </p>
  );
}
