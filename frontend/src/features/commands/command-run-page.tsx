/** One command run: who does it, what it writes now, what came out, and each attempt. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { DemoLabel, StatusChip } from "@/components/status";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { Skeleton } from "@/components/ui/states";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Attempts } from "@/components/work/attempts";
import { Fact, Facts } from "@/components/work/facts";
import { Failure } from "@/components/work/failure";
import { Holder } from "@/components/work/holder";
import { Loaded } from "@/components/work/loaded";
import { LogView } from "@/components/work/log-view";
import { NowWriting } from "@/components/work/now-writing";
import { Output } from "@/components/work/output";
import { OutputActions } from "@/components/work/output-actions";
import { TokenCount } from "@/components/work/tokens";
import { commandRunQuery } from "@/lib/api/commands";
import type { CommandRun } from "@/lib/api/types";
import { cost, sentence, visibleText } from "@/lib/format";
import { CancelCommandRun } from "./cancel-command-run";

export function CommandRunPage({ id }: { id: string }) {
  const query = useQuery(commandRunQuery(id));
  const run = query.data;
  return (
    <Page
      title={run ? visibleText(run.title) : "Command run"}
      heading={run ? <Title run={run} /> : query.isPending ? <Skeleton className="h-7 w-72" /> : undefined}
      actions={run && <CancelCommandRun run={run} />}
    >
      <Loaded
        framed
        query={query}
        what="This command run could not be loaded"
        skeleton={<CommandRunSkeleton />}
      >
        {(loaded) => <Body run={loaded} />}
      </Loaded>
    </Page>
  );
}

function Title({ run }: { run: CommandRun }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span className="text-h1">{visibleText(run.title)}</span>
      <StatusChip status={run.status} />
      {run.demo && run.started_at && <DemoLabel />}
    </span>
  );
}

function Body({ run }: { run: CommandRun }) {
  const isOver = run.finished_at !== null;
  const output = run.output ?? (run.text || null);
  const fileName = run.command ?? "http";
  return (
    <>
      <div className="card flex flex-col gap-3 px-4 py-3">
        <CommandRunFacts run={run} />
        <Holder run={run} />
      </div>
      {!isOver && run.wait_reason && (
        <p data-tone="hold" className="card border-l-[3px] border-l-(--tone) px-4 py-3">
          {sentence(visibleText(run.wait_reason))}
        </p>
      )}
      {run.error && <Failure error={run.error} title={run.status === "timed_out" ? "Timed out" : "Failed"} />}
      <div className="grid min-w-0 items-start gap-3 lg:grid-cols-[minmax(0,8fr)_minmax(0,5fr)]">
        <div className="flex min-w-0 flex-col gap-3">
          <Card
            title={isOver ? "Output" : "Now"}
            actions={isOver && <OutputActions value={output} name="output" fileName={`${fileName}-output`} />}
          >
            {isOver ? (
              <Output value={output} empty="Ended without output." />
            ) : run.status === "running" ? (
              <NowWriting
                progress={run.progress}
                message={run.message}
                text={run.text}
                label={run.kind === "http" ? "What the worker does now" : "What the agent writes now"}
              />
            ) : (
              <p className="text-muted">
                {run.kind === "http"
                  ? "Not sent yet. The answer appears here."
                  : "Not started yet. The text appears here as it is written."}
              </p>
            )}
          </Card>
          <Card title="Log">
            <LogView commandRunId={run.id} fileName={fileName} live={!isOver} />
          </Card>
        </div>
        <div className="flex min-w-0 flex-col gap-3">
          <Card
            title="Input"
            actions={<OutputActions value={run.input} name="input" fileName={`${fileName}-input`} />}
          >
            <Output plain value={run.input} empty="This command takes no input." />
          </Card>
          <Card title="Attempts" note={`at most ${run.max_attempts}`}>
            {run.attempts.length > 0 ? (
              <Attempts attempts={run.attempts} />
            ) : (
              <p className="text-muted">No attempt yet.</p>
            )}
          </Card>
        </div>
      </div>
    </>
  );
}

function CommandRunFacts({ run }: { run: CommandRun }) {
  return (
    <Facts>
      <Fact name={run.kind === "http" ? "Done by" : "Agent"}>
        {run.kind === "http" ? (
          "A worker"
        ) : run.agent ? (
          <Link to="/agents/$id" params={{ id: run.agent.id }} className="text-accent hover:underline">
            {visibleText(run.agent.name)}
          </Link>
        ) : (
          <span className="text-muted">Not chosen yet</span>
        )}
      </Fact>
      <Fact name="Command">
        {run.command ? (
          <Link
            to="/commands"
            search={{ q: run.command }}
            className="font-mono text-meta text-accent hover:underline"
          >
            {run.command}
          </Link>
        ) : (
          "HTTP request"
        )}
      </Fact>
      {run.run_id && (
        <Fact name="Part of">
          <Link to="/runs/$id" params={{ id: run.run_id }} className="text-accent hover:underline">
            Workflow run
          </Link>
        </Fact>
      )}
      <Fact name={run.finished_at ? "Took" : "Elapsed"}>
        {run.started_at ? <Elapsed from={run.started_at} until={run.finished_at} /> : "Not started"}
      </Fact>
      <Fact name="Asked">
        <TimeAgo at={run.queued_at} />
      </Fact>
      <Fact name="Attempt">
        {run.attempt} of {run.max_attempts}
      </Fact>
      <Fact name="Tokens">
        <TokenCount tokens={run.tokens} />
      </Fact>
      {run.cost_usd !== null && <Fact name="Cost">{cost(run.cost_usd)}</Fact>}
      {run.model && <Fact name="Model">{visibleText(run.model)}</Fact>}
    </Facts>
  );
}

function CommandRunSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      <Skeleton className="h-16" />
      <div className="grid gap-3 lg:grid-cols-[minmax(0,8fr)_minmax(0,5fr)]">
        <Skeleton className="h-80" />
        <Skeleton className="h-60" />
      </div>
    </div>
  );
}
