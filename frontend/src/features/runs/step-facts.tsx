/** The small print of a step: who or what does it, how often, how long and for how much. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Fact, Facts } from "@/components/work/facts";
import { TokenCount } from "@/components/work/tokens";
import { runQuery } from "@/lib/api/runs";
import type { CommandRun, Step } from "@/lib/api/types";
import { cost, visibleText, words } from "@/lib/format";

interface StepFactsProps {
  step: Step;
  commandRun: CommandRun | undefined;
}

export function StepFacts({ step, commandRun }: StepFactsProps) {
  return (
    <Facts>
      <Doer step={step} />
      {step.command_run_id && (
        <Fact name={step.kind === "http" ? "Request" : "Command"}>
          <Link
            to="/command-runs/$id"
            params={{ id: step.command_run_id }}
            className="font-mono text-meta text-accent hover:underline"
          >
            {step.command ?? "Command run"}
          </Link>
        </Fact>
      )}
      {!step.command_run_id && step.command && (
        <Fact name="Command">
          <code className="font-mono text-meta">{step.command}</code>
        </Fact>
      )}
      {step.child_run_id && <ChildRun id={step.child_run_id} />}
      {step.attempt > 0 && step.kind !== "approval" && step.kind !== "wait" && (
        <Fact name="Attempt">
          {step.max_attempts ? `${step.attempt} of ${step.max_attempts}` : step.attempt}
        </Fact>
      )}
      {step.kind === "wait" && step.wakes_at && !step.completed_at && (
        <Fact name="Goes on">
          <TimeAgo at={step.wakes_at} />
        </Fact>
      )}
      {step.started_at && (
        <Fact name={lasted(step)}>
          <Elapsed from={step.started_at} until={step.completed_at} />
        </Fact>
      )}
      {step.goes_to && (
        <Fact name="If it fails">
          goes to <code className="font-mono text-meta">{step.goes_to}</code>
        </Fact>
      )}
      {commandRun?.started_at && commandRun.kind === "command" && (
        <Fact name="Tokens">
          <TokenCount tokens={commandRun.tokens} />
        </Fact>
      )}
      {commandRun && commandRun.cost_usd !== null && <Fact name="Cost">{cost(commandRun.cost_usd)}</Fact>}
      {step.model && <Fact name="Model">{visibleText(step.model)}</Fact>}
    </Facts>
  );
}

function lasted(step: Step): string {
  if (step.completed_at) return "Took";
  return step.kind === "approval" || step.kind === "wait" ? "Waiting" : "Elapsed";
}

const KINDS = { approval: "Approval by people", wait: "Wait", http: "HTTP request", map: "Map" };

function Doer({ step }: { step: Step }): ReactNode {
  if (step.kind === "command") {
    return (
      <Fact name="Agent">
        {step.agent ? (
          <Link to="/agents/$id" params={{ id: step.agent.id }} className="text-accent hover:underline">
            {visibleText(step.agent.name)}
          </Link>
        ) : (
          <span className="text-muted">Not chosen yet</span>
        )}
      </Fact>
    );
  }
  if (step.kind === "workflow" && step.workflow) {
    return (
      <Fact name="Workflow">
        <Link to="/workflows/$slug" params={{ slug: step.workflow }} className="text-accent hover:underline">
          {visibleText(words(step.workflow))}
        </Link>
      </Fact>
    );
  }
  return <Fact name="Kind">{step.kind === "workflow" ? "Workflow" : KINDS[step.kind]}</Fact>;
}

/** The run that a workflow step started, as it is now. */
function ChildRun({ id }: { id: string }) {
  const { data: run } = useQuery(runQuery(id));
  return (
    <Fact name="Its run">
      <span className="flex items-center gap-2">
        <Link to="/runs/$id" params={{ id }} className="text-accent hover:underline">
          {run ? visibleText(`${run.workflow_name} #${run.number}`) : "Open"}
        </Link>
        {run && <StatusText status={run.status} />}
      </span>
    </Fact>
  );
}
