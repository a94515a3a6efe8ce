/** What the agents did for a run, as their telemetry tells it; asked for when somebody looks. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { SpanTree } from "@/components/spans";
import { Card } from "@/components/ui/card";
import { EmptyState } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { runSpansQuery } from "@/lib/api/sessions";
import type { Run } from "@/lib/api/types";

export function RunSpans({ run }: { run: Run }) {
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
        Spans of this run
      </button>
      <div id={area} hidden={!isOpen}>
        {isOpen && <Spans id={run.id} />}
      </div>
    </Card>
  );
}

function Spans({ id }: { id: string }) {
  const query = useQuery(runSpansQuery(id));
  return (
    <Loaded query={query} what="The spans could not be loaded">
      {({ results, more }) =>
        results.length > 0 ? (
          <div className="px-4 py-3">
            <SpanTree spans={results} />
            {more && <p className="pt-2 text-meta text-muted">It has more spans than are shown.</p>}
          </div>
        ) : (
          <EmptyState title="No spans of this run">
            An agent's spans belong to it when they go on with the trace context that the work came with.
          </EmptyState>
        )
      }
    </Loaded>
  );
}
