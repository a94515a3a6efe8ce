/** The workflows of the project: what each does, how its last run went, and the button that starts one. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Play, Plus, Workflow as WorkflowIcon } from "lucide-react";
import { useState } from "react";
import { StatusText } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { rowLink } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { StartRun } from "@/components/work/start-run";
import { useCanOperate } from "@/hooks";
import type { Workflow } from "@/lib/api/types";
import { workflowsQuery } from "@/lib/api/workflows";
import { plural, visibleText } from "@/lib/format";
import { RunCounts } from "./run-counts";

const GRID = "grid gap-3 md:grid-cols-2 xl:grid-cols-3";

export function WorkflowsPage() {
  const query = useQuery(workflowsQuery());
  const [starting, setStarting] = useState<Workflow | null>(null);
  const mayEdit = useCanOperate();
  return (
    <Page
      title="Workflows"
      actions={
        <>
          <Link to="/runs" className={buttonClass()}>
            All runs
          </Link>
          {mayEdit && (
            <Link to="/workflows/new" className={buttonClass("primary")}>
              <Plus size={14} aria-hidden /> New workflow
            </Link>
          )}
        </>
      }
    >
      <Loaded framed query={query} what="The workflows could not be loaded" skeleton={<CardsSkeleton />}>
        {(workflows) =>
          workflows.length > 0 ? (
            <ul className={GRID}>
              {workflows.map((workflow) => (
                <WorkflowCard key={workflow.slug} workflow={workflow} onRun={() => setStarting(workflow)} />
              ))}
            </ul>
          ) : (
            <div className="card">
              <EmptyState icon={WorkflowIcon} title="No workflows yet">
                Write one here, or keep them in git and save them with{" "}
                <code className="font-mono text-meta">manage.py workflows apply DIR</code>.
              </EmptyState>
            </div>
          )
        }
      </Loaded>
      {starting && <StartRun open onOpenChange={() => setStarting(null)} workflow={starting} />}
    </Page>
  );
}

function WorkflowCard({ workflow, onRun }: { workflow: Workflow; onRun: () => void }) {
  const mayRun = useCanOperate();
  return (
    <li className="card relative flex min-h-42 min-w-0 flex-col gap-3 p-4 hover:border-muted">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <h2 className="truncate text-body">
            <Link to="/workflows/$slug" params={{ slug: workflow.slug }} className={rowLink}>
              {visibleText(workflow.name)}
            </Link>
          </h2>
          <p className="text-meta text-muted">{plural(workflow.steps.length, "step")}</p>
        </div>
        {mayRun && (
          <Button onClick={onRun} aria-label={`Run ${workflow.name}`} className="relative">
            <Play size={13} aria-hidden /> Run
          </Button>
        )}
      </div>
      <p className="line-clamp-2 flex-1 text-table text-muted">{visibleText(workflow.description)}</p>
      <div className="flex min-h-5 flex-wrap items-center gap-x-3 gap-y-1 text-meta">
        <LastRun run={workflow.last_run} />
        <RunCounts workflow={workflow} className="relative ml-auto" />
      </div>
    </li>
  );
}

function LastRun({ run }: { run: Workflow["last_run"] }) {
  if (!run) return <span className="text-muted">Never run</span>;
  return (
    <Link
      to="/runs/$id"
      params={{ id: run.id }}
      className="relative flex items-center gap-1.5 text-muted hover:underline max-md:min-h-11"
    >
      <span>Last run</span>
      <StatusText status={run.status} />
      <TimeAgo at={run.started_at} />
    </Link>
  );
}

function CardsSkeleton() {
  return (
    <div role="status" aria-label="Loading" className={GRID}>
      {Array.from({ length: 6 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <Skeleton key={index} className="h-42" />
      ))}
    </div>
  );
}
