/** What the agents did for a run, as their telemetry tells it; asked for when somebody looks. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { SpanDialog, SpanTree } from "@/components/spans";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { EmptyState } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { runSpansQuery } from "@/lib/api/sessions";
import type { Run, SpanRow, Step } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

interface RunSpansProps {
  run: Run;
  /** The step that is chosen: its spans alone are shown first. */
  step: Step | undefined;
}

export function RunSpans({ run, step }: RunSpansProps) {
  const [isOpen, setOpen] = useState(false);
  const area = useId();
  return (
    <Card title="What its agents did" bodyClassName="p-0">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={area}
        onClick={() => setOpen(!isOpen)}
        className="flex min-h-11 w-full items-center gap-2 px-4 py-2 text-left text-table hover:bg-surface-2"
      >
        <ChevronRight size={14} aria-hidden className={isOpen ? "rotate-90" : undefined} />
        {step ? `Spans of the step ${visibleText(step.name)}` : "Spans of this run"}
      </button>
      <div id={area} hidden={!isOpen}>
        {isOpen && <Spans id={run.id} step={step} />}
      </div>
      <SpanDialog />
    </Card>
  );
}

function Spans({ id, step }: { id: string; step: Step | undefined }) {
  const query = useQuery(runSpansQuery(id));
  const [all, setAll] = useState(false);
  return (
    <Loaded query={query} what="The spans could not be loaded">
      {({ results, more }) => {
        const ofStep = step && !all ? spansOf(step, results) : results;
        if (results.length === 0)
          return (
            <EmptyState title="No spans of this run">
              An agent's spans belong to it when they go on with the trace context that the work came with.
            </EmptyState>
          );
        return (
          <div className="flex flex-col gap-2 px-4 py-3">
            {ofStep.length > 0 ? (
              <SpanTree spans={ofStep} />
            ) : (
              <p className="text-table text-muted">No span of this run belongs to this step.</p>
            )}
            {more && <p className="text-meta text-muted">It has more spans than are shown.</p>}
            {step && (
              <Button size="sm" className="self-start" onClick={() => setAll(!all)}>
                {all ? "Only this step's" : "All of the run"}
              </Button>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

/** Those of a step: a span names it itself, or the span on top of its activity does. */
function spansOf(step: Step, spans: SpanRow[]): SpanRow[] {
  const tops = new Map(spans.map((span) => [`${span.trace_id}:${span.span_id}`, span.step_id]));
  return spans.filter(
    (span) => (span.step_id ?? tops.get(`${span.trace_id}:${span.root_span_id}`)) === step.id,
  );
}
