/** All runs of the project, newest first, filtered by status and workflow in the URL. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ListChecks } from "lucide-react";
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
      <Card label="Runs" bodyClassName="p-0">
        <Loaded query={query} what="Runs could not be loaded" skeleton={<SkeletonRows rows={10} />}>
          {(rows) =>
            rows.length > 0 ? (
              <RunRows rows={rows} query={query} selection={mayAct ? selection : undefined} />
            ) : (
              <NoRuns isFiltered={Boolean(filter.status || filter.workflow)} onClear={() => change({})} />
            )
          }
        </Loaded>
      </Card>
      {mayAct && <BulkBar selection={selection} filter={filter} rows={rows} />}
    </Page>
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
        Nothing has this status and workflow now.
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
