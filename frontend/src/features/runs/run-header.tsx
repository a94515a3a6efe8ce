/** Who started what, when, how far it is and what it cost. */
import { Link } from "@tanstack/react-router";
import { DemoLabel, ProgressBar, StatusChip } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Fact, Facts } from "@/components/work/facts";
import { TokenCount } from "@/components/work/tokens";
import type { Run } from "@/lib/api/types";
import { cost, count, percent, sentence, visibleText, words } from "@/lib/format";
import { localTimes } from "@/lib/time";
import { doneOf, isOver } from "./model";

export function RunTitle({ run }: { run: Run }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      {run.parent_run && (
        <span className="basis-full text-meta font-normal text-muted">
          Part of{" "}
          <Link
            to="/runs/$id"
            params={{ id: run.parent_run.id }}
            search={{ step: run.parent_run.step }}
            className="text-accent hover:underline"
          >
            {visibleText(`${words(run.parent_run.workflow)} #${run.parent_run.number}`)}
          </Link>
          , step {visibleText(run.parent_run.step)}
        </span>
      )}
      <span className="text-h1">
        <Link to="/workflows/$slug" params={{ slug: run.workflow }} className="hover:underline">
          {visibleText(run.workflow_name)}
        </Link>{" "}
        <span className="tnum font-normal text-muted">#{run.number}</span>
      </span>
      <StatusChip status={run.status} />
      {run.steps.some(({ demo }) => demo) && <DemoLabel />}
    </span>
  );
}

export function RunHeader({ run }: { run: Run }) {
  const done = doneOf(run);
  return (
    <div className="card flex flex-col gap-3 px-4 py-3">
      <div className="flex items-center gap-3">
        <ProgressBar
          value={run.progress}
          status={run.status}
          label="Progress of this run"
          className="flex-1"
        />
        <span className="tnum w-10 text-right text-table text-muted">{percent(run.progress)}</span>
      </div>
      <Facts>
        <Fact name={isOver(run.status) ? "Took" : "Elapsed"}>
          {run.started_at ? <Elapsed from={run.started_at} until={run.completed_at} /> : "Not started"}
        </Fact>
        <Fact name={run.started_at ? "Started" : "Asked"}>
          <TimeAgo at={run.started_at ?? run.created_at} />
        </Fact>
        <Fact name="By">{run.requested_by ? visibleText(run.requested_by) : "The system"}</Fact>
        {(run.origin === "schedule" || run.origin === "trigger") && (
          <Fact name={run.origin === "schedule" ? "Schedule" : "Trigger"}>
            <Link
              to="/schedules"
              search={{ workflow: run.workflow, ...(run.origin === "trigger" && { tab: "triggers" }) }}
              className="hover:underline"
            >
              {visibleText(run.origin_name) || "Deleted since"}
            </Link>
          </Fact>
        )}
        <Fact name="Steps">
          {count(done)} of {count(run.total_steps)}
        </Fact>
        <Fact name="Tokens">
          <TokenCount tokens={run.tokens} />
        </Fact>
        {run.cost_usd !== null && <Fact name="Cost">{cost(run.cost_usd)}</Fact>}
        <Fact name="Version">{run.version}</Fact>
        {run.priority !== 0 && <Fact name="Priority">{run.priority}</Fact>}
        {run.concurrency_key && <Fact name="Limit key">{visibleText(run.concurrency_key)}</Fact>}
        {run.status_reason && run.status !== "paused" && (
          <Fact name="Why">{sentence(localTimes(visibleText(run.status_reason)))}</Fact>
        )}
      </Facts>
    </div>
  );
}
