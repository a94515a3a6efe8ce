/** Everything about one step: why it waits, what it was given, what it writes and what came out. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { StepApproval } from "@/components/approvals";
import { DemoLabel, StatusChip, stepStatus } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Attempts } from "@/components/work/attempts";
import { Fact, Facts } from "@/components/work/facts";
import { Failure } from "@/components/work/failure";
import { NowWriting } from "@/components/work/now-writing";
import { Output } from "@/components/work/output";
import { OutputActions } from "@/components/work/output-actions";
import { Section } from "@/components/work/section";
import { TokenCount } from "@/components/work/tokens";
import { commandRunQuery } from "@/lib/api/commands";
import type { Run, Step } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { localTimes } from "@/lib/time";
import { isOver } from "./model";
import { RetryFrom } from "./retry-run";

interface StepPanelProps {
  run: Run;
  step: Step;
  onClose: () => void;
}

export function StepPanel({ run, step, onClose }: StepPanelProps) {
  const id = step.command_run_id;
  const isApproval = step.kind === "approval";
  const { data: commandRun } = useQuery({ ...commandRunQuery(id ?? ""), enabled: id !== null });
  return (
    <Card
      title={visibleText(step.name)}
      bodyClassName="flex flex-col"
      actions={
        <>
          {step.demo && step.started_at && <DemoLabel className="max-md:hidden" />}
          <RetryFrom run={run} step={step} />
          <StatusChip status={stepStatus(step)} />
          <Button size="icon" variant="ghost" aria-label="Close step" title="Close step" onClick={onClose}>
            <X size={14} aria-hidden />
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3 p-4">
        <StepFacts step={step} />
        {!(isApproval && step.status === "waiting") && <WaitReason step={step} />}
        {step.approval_id && <StepApproval id={step.approval_id} />}
        {step.error && <Failure error={step.error} title="This step failed" />}
        {step.status === "running" && (
          <NowWriting
            progress={step.progress}
            message={step.message}
            text={commandRun?.text ?? ""}
            label={`What ${step.agent?.name ?? "the agent"} writes now`}
          />
        )}
      </div>
      {(isOver(step.status) || step.output) && (
        <Section
          title="Output"
          actions={<OutputActions value={step.output} name="output" fileName={`${step.key}-output`} />}
        >
          <Output value={step.output} empty={noOutput(step)} />
        </Section>
      )}
      {step.kind === "command" && (
        <Section
          title="Input"
          actions={<OutputActions value={step.input} name="input" fileName={`${step.key}-input`} />}
        >
          <Output plain value={step.input} empty="The input is made when the step starts." />
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

function noOutput(step: Step): string {
  if (step.status === "skipped") return "Skipped, so there is none.";
  return step.status === "completed" ? "Finished without output." : "Ended without output.";
}

/** A step that waits for people or for time has no agent, no command and no tokens. */
function WaitingFacts({ step }: { step: Step }) {
  return (
    <Facts>
      <Fact name="Kind">{step.kind === "approval" ? "Approval by people" : "Wait"}</Fact>
      {step.kind === "wait" && step.wakes_at && !step.completed_at && (
        <Fact name="Goes on">
          <TimeAgo at={step.wakes_at} />
        </Fact>
      )}
      {step.started_at && (
        <Fact name={step.completed_at ? "Took" : "Waiting"}>
          <Elapsed from={step.started_at} until={step.completed_at} />
        </Fact>
      )}
    </Facts>
  );
}

function StepFacts({ step }: { step: Step }) {
  if (step.kind !== "command") return <WaitingFacts step={step} />;
  return (
    <Facts>
      <Fact name="Agent">{agentLink(step)}</Fact>
      <Fact name="Command">
        {step.command_run_id ? (
          <Link
            to="/command-runs/$id"
            params={{ id: step.command_run_id }}
            className="font-mono text-meta text-accent hover:underline"
          >
            {step.command}
          </Link>
        ) : (
          <code className="font-mono text-meta">{step.command}</code>
        )}
      </Fact>
      {step.attempt > 0 && (
        <Fact name="Attempt">
          {step.max_attempts ? `${step.attempt} of ${step.max_attempts}` : step.attempt}
        </Fact>
      )}
      {step.started_at && (
        <Fact name={step.completed_at ? "Took" : "Elapsed"}>
          <Elapsed from={step.started_at} until={step.completed_at} />
        </Fact>
      )}
      {step.started_at && (
        <Fact name="Tokens">
          <TokenCount tokens={step.tokens} />
        </Fact>
      )}
      {step.model && <Fact name="Model">{visibleText(step.model)}</Fact>}
    </Facts>
  );
}

function agentLink({ agent }: Step): ReactNode {
  if (!agent) return <span className="text-muted">Not chosen yet</span>;
  return (
    <Link to="/agents/$id" params={{ id: agent.id }} className="text-accent hover:underline">
      {visibleText(agent.name)}
    </Link>
  );
}

function WaitReason({ step }: { step: Step }) {
  const isTold = step.status === "skipped" || !isOver(step.status);
  if (!step.wait_reason || !isTold) return null;
  return (
    <p data-tone="hold" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2">
      {sentence(localTimes(visibleText(step.wait_reason)))}
    </p>
  );
}
