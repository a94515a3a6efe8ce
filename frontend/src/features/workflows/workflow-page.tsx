/** One workflow: the graph of its definition, its runs, its source as it was written, and its versions. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Copy, Pencil, Play } from "lucide-react";
import { useState } from "react";
import { Dag, type DagStep } from "@/components/dag";
import { doerOf } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { Tabs } from "@/components/ui/tabs";
import { Fact, Facts } from "@/components/work/facts";
import { Loaded } from "@/components/work/loaded";
import { RunRows } from "@/components/work/run-rows";
import { StartRun } from "@/components/work/start-run";
import { StartsOf } from "@/components/work/starts-of";
import { useCanOperate } from "@/hooks";
import { runsQuery } from "@/lib/api/runs";
import type { Workflow } from "@/lib/api/types";
import { workflowQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";
import { PauseWorkflow, WorkflowPaused } from "./pause-workflow";
import { RunCounts } from "./run-counts";
import { Source } from "./source";
import { StepDefinition } from "./step-definition";
import { type Compared, Versions } from "./versions";

interface BodyProps {
  step: string | undefined;
  onStep: (key: string | undefined) => void;
  tab: WorkflowTab;
  onTab: (tab: WorkflowTab) => void;
  compared: Compared;
  onCompare: (compared: Compared) => void;
}

export type WorkflowTab = "overview" | "versions";

export function WorkflowPage({ slug, ...body }: BodyProps & { slug: string }) {
  const query = useQuery(workflowQuery(slug));
  const workflow = query.data;
  return (
    <Page
      title={workflow ? visibleText(workflow.name) : "Workflow"}
      heading={
        workflow ? (
          <span className="text-h1">{visibleText(workflow.name)}</span>
        ) : query.isPending ? (
          <Skeleton className="h-7 w-64" />
        ) : undefined
      }
      actions={workflow && <Actions workflow={workflow} />}
    >
      <Loaded framed query={query} what="This workflow could not be loaded" skeleton={<WorkflowSkeleton />}>
        {(loaded) => <Body workflow={loaded} {...body} />}
      </Loaded>
    </Page>
  );
}

function Actions({ workflow }: { workflow: Workflow }) {
  const mayEdit = useCanOperate();
  return (
    <>
      <PauseWorkflow workflow={workflow} />
      {mayEdit && (
        <>
          <Link to="/workflows/new" search={{ from: workflow.slug }} className={buttonClass()}>
            <Copy size={14} aria-hidden /> Duplicate
          </Link>
          <Link to="/workflows/$slug/edit" params={{ slug: workflow.slug }} className={buttonClass()}>
            <Pencil size={14} aria-hidden /> Edit
          </Link>
        </>
      )}
      <RunButton workflow={workflow} />
    </>
  );
}

function RunButton({ workflow }: { workflow: Workflow }) {
  const [isStarting, setStarting] = useState(false);
  const mayRun = useCanOperate();
  if (!mayRun) return null;
  return (
    <>
      <Button variant="primary" onClick={() => setStarting(true)}>
        <Play size={14} aria-hidden /> Run
      </Button>
      {isStarting && <StartRun open onOpenChange={setStarting} workflow={workflow} />}
    </>
  );
}

function Body({ workflow, ...props }: BodyProps & { workflow: Workflow }) {
  const { tab, onTab, compared, onCompare } = props;
  return (
    <>
      <WorkflowPaused workflow={workflow} />
      <div className="card flex flex-col gap-3 px-4 py-3">
        {workflow.description && <p className="max-w-[80ch]">{visibleText(workflow.description)}</p>}
        <Facts>
          <Fact name="Version">{workflow.version}</Fact>
          <Fact name="Runs">
            <RunCounts workflow={workflow} />
          </Fact>
          <Fact name="Name in the API">
            <code className="font-mono text-meta">{workflow.slug}</code>
          </Fact>
        </Facts>
      </div>
      <Tabs
        label="Parts of this workflow"
        value={tab}
        onChange={(value) => onTab(value as WorkflowTab)}
        tabs={[
          { value: "overview", label: "Overview", content: <Overview workflow={workflow} {...props} /> },
          {
            value: "versions",
            label: "Versions",
            content: (
              <div className="pt-3">
                <Versions
                  slug={workflow.slug}
                  current={workflow.version}
                  {...compared}
                  onCompare={onCompare}
                />
              </div>
            ),
          },
        ]}
      />
    </>
  );
}

type OverviewProps = Pick<BodyProps, "step" | "onStep"> & { workflow: Workflow };

function Overview({ workflow, step: key, onStep }: OverviewProps) {
  const step = workflow.steps.find((one) => one.key === key);
  const steps = workflow.steps.map(
    (one): DagStep => ({
      key: one.key,
      name: one.name,
      needs: one.needs,
      who: doerOf(one),
      kind: one.kind,
    }),
  );
  return (
    <div className="grid min-w-0 items-start gap-3 pt-3 lg:grid-cols-2">
      <Dag
        title="Steps"
        label="Steps of this workflow"
        steps={steps}
        selected={step?.key ?? null}
        onSelect={(chosen) => onStep(chosen ?? undefined)}
        className="md:h-[560px] lg:sticky lg:top-[60px]"
      />
      <div className="flex min-w-0 flex-col gap-3">
        {step && <StepDefinition step={step} steps={workflow.steps} onClose={() => onStep(undefined)} />}
        <StartsOf slug={workflow.slug} />
        <RunsOf slug={workflow.slug} />
        {workflow.source && <Source text={workflow.source} slug={workflow.slug} />}
      </div>
    </div>
  );
}

function RunsOf({ slug }: { slug: string }) {
  const query = useInfiniteQuery(runsQuery({ workflow: slug }));
  return (
    <Card title="Runs" bodyClassName="p-0">
      <Loaded query={query} what="The runs could not be loaded">
        {(rows) =>
          rows.length > 0 ? (
            <RunRows rows={rows} query={query} hideWorkflow />
          ) : (
            <EmptyState title="Not run yet">Its runs, their outcome and their cost are kept here.</EmptyState>
          )
        }
      </Loaded>
    </Card>
  );
}

function WorkflowSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      <Skeleton className="h-24" />
      <div className="grid gap-3 lg:grid-cols-2">
        <Skeleton className="h-[560px]" />
        <Skeleton className="h-96" />
      </div>
    </div>
  );
}
