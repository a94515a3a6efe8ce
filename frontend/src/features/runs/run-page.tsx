/** One run: its graph, its timeline and the chosen step, all pointing at the same step of the URL. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Dag, FullScreenDag } from "@/components/dag";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { Skeleton } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { PausedNote } from "@/components/work/paused-note";
import { useStable } from "@/hooks";
import { runQuery } from "@/lib/api/runs";
import type { Run } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { dagSteps, stepOf } from "./model";
import { RunActions } from "./run-actions";
import { RunHeader, RunTitle } from "./run-header";
import { RunPanel } from "./run-panel";
import { RunSpans } from "./run-spans";
import { StepPanel } from "./step-panel";
import { TimelineView } from "./timeline-view";

interface RunPageProps {
  id: string;
  step: string | undefined;
  /** The place of an item, when the step is a map. */
  item: number | undefined;
  onStep: (key: string | undefined, item?: number) => void;
}

export function RunPage({ id, step, item, onStep }: RunPageProps) {
  const query = useQuery(runQuery(id));
  const run = query.data;
  return (
    <Page
      title={run ? visibleText(`${run.workflow_name} #${run.number}`) : "Run"}
      heading={run ? <RunTitle run={run} /> : query.isPending ? <Skeleton className="h-7 w-72" /> : undefined}
      actions={run && <RunActions run={run} step={stepOf(run, step)} />}
    >
      <Loaded framed query={query} what="This run could not be loaded" skeleton={<RunSkeleton />}>
        {(loaded) => <RunBody run={loaded} step={step} item={item} onStep={onStep} />}
      </Loaded>
    </Page>
  );
}

function RunBody({ run, step: key, item, onStep: choose }: { run: Run } & Omit<RunPageProps, "id">) {
  const onStep = useStable(choose);
  const step = stepOf(run, key);
  const panel = useRef<HTMLDivElement>(null);
  const graph = {
    label: "Steps of this run",
    steps: dagSteps(run),
    selected: step?.key ?? null,
    onSelect: useStable((chosen: string | null) => onStep(chosen ?? undefined)),
  };
  useRevealed(panel, step && `${step.key} ${item ?? ""}`);
  return (
    <>
      {run.status === "paused" && (
        <PausedNote what={sentence(visibleText(run.status_reason)) || "This run is paused"}>
          Steps that run now are finished; nothing new is started.
        </PausedNote>
      )}
      <RunHeader run={run} />
      <div className="grid min-w-0 gap-3 lg:grid-cols-2">
        <Dag
          title="Graph"
          {...graph}
          className="max-md:hidden md:h-96 lg:sticky lg:top-[calc(60px+var(--banner,0px))] lg:h-[calc(100dvh-232px-var(--banner,0px))] lg:max-h-[760px] lg:min-h-[420px]"
        />
        <div className="flex min-w-0 flex-col gap-3">
          <Card
            title="Timeline"
            bodyClassName="py-1"
            actions={
              <span className="md:hidden">
                <FullScreenDag title="Graph" {...graph} />
              </span>
            }
          >
            <TimelineView run={run} selected={step?.key} onSelect={onStep} />
          </Card>
          <div ref={panel} className="scroll-mt-[calc(64px+var(--banner,0px))]">
            {step ? (
              <StepPanel
                key={step.id}
                run={run}
                step={step}
                item={item}
                onItem={(place) => onStep(step.key, place)}
                onClose={() => onStep(undefined)}
              />
            ) : (
              <RunPanel run={run} onStep={onStep} />
            )}
          </div>
          <RunSpans key={step?.id} run={run} step={step} />
        </div>
      </div>
    </>
  );
}

/** On a small screen the panel is far below the list: a chosen step must come into sight. */
function useRevealed(panel: React.RefObject<HTMLElement | null>, key: string | undefined) {
  const previous = useRef(key);
  useEffect(() => {
    if (previous.current === key) return;
    previous.current = key;
    const isFarBelow = window.matchMedia("(max-width: 1023px)").matches;
    if (key !== undefined && isFarBelow) panel.current?.scrollIntoView({ behavior: "smooth" });
  }, [panel, key]);
}

function RunSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      <Skeleton className="h-16" />
      <div className="grid gap-3 lg:grid-cols-2">
        <Skeleton className="h-[560px] max-md:hidden" />
        <div className="flex flex-col gap-3">
          <Skeleton className="h-72" />
          <Skeleton className="h-64" />
        </div>
      </div>
    </div>
  );
}
