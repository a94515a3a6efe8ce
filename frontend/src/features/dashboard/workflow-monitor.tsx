import { Link } from "@tanstack/react-router";
import { Play, Workflow } from "lucide-react";
import { lazy, memo, Suspense, useMemo, useState } from "react";
import { lookOf, ProgressBar, StatusIcon } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/ui/states";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { useSteady } from "@/components/work/steady";
import { useCanOperate, useRecentWorkflows } from "@/hooks";
import type { DashboardWorkflow } from "@/lib/api/types";
import { percent, plural, visibleText } from "@/lib/format";
import { patiently } from "@/lib/new-build";

const RunDialog = lazy(() => patiently(() => import("./run-dialog")));
const shownHere = 20;
const unfinished = new Set(["running", "waiting", "paused", "queued"]);

/** What runs now first, then what ran last. */
export function nowFirst(runs: readonly DashboardWorkflow[]): DashboardWorkflow[] {
  const now = runs.filter((run) => unfinished.has(run.status));
  const past = runs.filter((run) => !unfinished.has(run.status));
  return [...now, ...past].slice(0, shownHere);
}

export function WorkflowMonitor({ className }: { className?: string }) {
  const { data: runs, error, refetch } = useRecentWorkflows();
  const [starting, setStarting] = useState(false);
  const mayRun = useCanOperate();
  const { shown, area } = useSteady(useMemo(() => nowFirst(runs ?? []), [runs]));
  const active = runs?.filter((run) => unfinished.has(run.status)).length ?? 0;
  const runButton = mayRun && (
    <Button size="sm" onClick={() => setStarting(true)}>
      <Play size={13} aria-hidden="true" />
      Run
    </Button>
  );
  return (
    <Card
      title="Workflows"
      note={runs && (active > 0 ? `${plural(active, "run")} under way` : "none under way")}
      className={className}
      bodyClassName="overflow-y-auto"
      actions={runs && runs.length > 0 && runButton}
    >
      {runs ? (
        runs.length === 0 ? (
          <EmptyState icon={Workflow} title="Nothing has run yet" action={runButton}>
            Start a workflow and follow its steps here.
          </EmptyState>
        ) : (
          <ul {...area}>
            {shown.map((run) => (
              <RunRow key={run.id} run={run} />
            ))}
          </ul>
        )
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The runs could not be loaded" />
      ) : (
        <SkeletonRows rows={5} className="h-8" />
      )}
      <Suspense fallback={null}>{starting && <RunDialog onClose={() => setStarting(false)} />}</Suspense>
    </Card>
  );
}

const RunRow = memo(function RunRow({ run }: { run: DashboardWorkflow }) {
  const running = unfinished.has(run.status);
  const name = visibleText(run.name);
  const look = lookOf(run.status);
  return (
    <li data-run={run.id}>
      <Link
        to="/runs/$id"
        params={{ id: run.id }}
        className="grid h-11 grid-cols-[14px_minmax(0,1fr)_84px_52px] items-center gap-x-2.5 border-b px-4 hover:bg-surface-2"
      >
        <StatusIcon status={run.status} />
        <span className="min-w-0">
          <span className="flex items-baseline gap-1.5">
            <span className="truncate text-table">{name}</span>
            {run.number !== undefined && (
              <span className="tnum shrink-0 text-caption text-muted">#{run.number}</span>
            )}
          </span>
          <span className="tnum block truncate text-caption text-muted">
            {look.label}
            {running && run.total_steps
              ? `, step ${Math.min(run.current_step, run.total_steps)} of ${run.total_steps}`
              : ""}
          </span>
        </span>
        {running ? (
          <ProgressBar value={run.progress} status={run.status} label={`${name} progress`} />
        ) : (
          <TimeAgo
            at={run.completed_at ?? run.started_at}
            className="tnum text-right text-caption text-muted"
          />
        )}
        <span className="tnum text-right text-caption text-muted">
          {running ? percent(run.progress) : <Elapsed from={run.started_at} until={run.completed_at} />}
        </span>
      </Link>
    </li>
  );
});
