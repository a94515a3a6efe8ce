/** All runs of the project, newest first, filtered by status and workflow in the URL. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ListChecks, X } from "lucide-react";
import { Button, buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Select } from "@/components/ui/field";
import { Page } from "@/components/ui/page";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { RunRows } from "@/components/work/run-rows";
import { useSelection } from "@/components/work/selection";
import { useCanOperate } from "@/hooks";
import { type RunFilter, runsQuery } from "@/lib/api/runs";
import { workflowsQuery } from "@/lib/api/workflows";
import { BulkBar } from "./bulk-bar";

const STATUSES = [
  { value: "", label: "All" },
  { value: "running", label: "Running" },
  { value: "queued", label: "Queued" },
  { value: "waiting", label: "Waiting" },
  { value: "paused", label: "Paused" },
  { value: "failed", label: "Failed" },
  { value: "completed", label: "Completed" },
  { value: "cancelled", label: "Cancelled" },
];

interface RunsPageProps {
  filter: RunFilter;
  onFilter: (filter: RunFilter) => void;
}

export function RunsPage({ filter, onFilter }: RunsPageProps) {
  const query = useInfiniteQuery(runsQuery(filter));
  const mayAct = useCanOperate();
  const rows = query.data ?? [];
  const selection = useSelection(rows.map(({ id }) => id));
  const change = (next: RunFilter) => {
    selection.clear();
    onFilter(next);
  };
  return (
    <Page title="Runs">
      <div className="flex flex-wrap items-center gap-2">
        <FilterButtons
          label="Status"
          options={STATUSES}
          value={filter.status ?? ""}
          onChange={(status) => change({ ...filter, status: status || undefined })}
        />
        <WorkflowSelect
          value={filter.workflow}
          onChange={(workflow) => change({ ...filter, workflow: workflow || undefined })}
        />
      </div>
      <StartedBy filter={filter} onAll={() => change({ status: filter.status, workflow: filter.workflow })} />
      <Card label="Runs" bodyClassName="p-0">
        <Loaded query={query} what="Runs could not be loaded" skeleton={<SkeletonRows rows={10} />}>
          {(rows) =>
            rows.length > 0 ? (
              <RunRows rows={rows} query={query} selection={mayAct ? selection : undefined} />
            ) : (
              <NoRuns isFiltered={Object.values(filter).some(Boolean)} onClear={() => change({})} />
            )
          }
        </Loaded>
      </Card>
      {mayAct && <BulkBar selection={selection} filter={filter} rows={rows} />}
    </Page>
  );
}

/** What they were started by, when the list was opened from there. */
function StartedBy({ filter, onAll }: { filter: RunFilter; onAll: () => void }) {
  if (filter.schedule === undefined && filter.trigger === undefined) return null;
  return (
    <p className="flex flex-wrap items-center gap-2 text-table text-muted">
      Only those that one {filter.schedule === undefined ? "trigger" : "schedule"} started
      <Button size="sm" onClick={onAll}>
        <X size={14} aria-hidden /> Show all
      </Button>
    </p>
  );
}

function WorkflowSelect({
  value,
  onChange,
}: {
  value: string | undefined;
  onChange: (slug: string) => void;
}) {
  const { data: workflows = [] } = useQuery(workflowsQuery());
  const isListed = !value || workflows.some(({ slug }) => slug === value);
  return (
    <Select
      aria-label="Workflow"
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value)}
      className="ml-auto max-w-56 max-md:max-w-none"
    >
      <option value="">All workflows</option>
      {!isListed && <option value={value}>{value}</option>}
      {workflows.map(({ slug, name }) => (
        <option key={slug} value={slug}>
          {name}
        </option>
      ))}
    </Select>
  );
}

function NoRuns({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  if (isFiltered) {
    return (
      <EmptyState
        icon={ListChecks}
        title="No run matches"
        action={<Button onClick={onClear}>Clear filters</Button>}
      >
        Nothing fits all of these filters now.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={ListChecks}
      title="Nothing has run yet"
      action={
        <Link to="/workflows" className={buttonClass("primary")}>
          Choose a workflow
        </Link>
      }
    >
      Start a workflow, and each of its steps can be followed here.
    </EmptyState>
  );
}
