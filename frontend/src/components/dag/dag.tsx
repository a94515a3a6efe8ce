/** The graph of a definition or run in its card: drawn when there is room, always readable as a list, full screen on demand. */
import { Expand, List, Workflow } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Card } from "@/components/ui/card";
import { FullScreen } from "@/components/ui/full-screen";
import { Skeleton } from "@/components/ui/states";
import { cx } from "@/lib/cx";
import { GraphButton } from "./graph-button";
import { Outline, type OutlineProps } from "./outline";

const Canvas = lazy(() => import("./dag-canvas"));

interface DagProps extends OutlineProps {
  title: string;
  className?: string;
}

export function Dag({ title, className, ...graph }: DagProps) {
  const [view, setView] = useState<"graph" | "list">("graph");
  const [isFull, setFull] = useState(false);
  const other = view === "graph" ? "list" : "graph";
  return (
    <Card
      title={title}
      note={`${graph.steps.length} steps`}
      className={className}
      bodyClassName="relative p-0"
      actions={
        <>
          <span className="max-md:hidden">
            <GraphButton label={`Show as ${other}`} onClick={() => setView(other)}>
              {other === "list" ? <List size={14} aria-hidden /> : <Workflow size={14} aria-hidden />}
            </GraphButton>
          </span>
          <GraphButton label="Show graph in full screen" onClick={() => setFull(true)}>
            <Expand size={14} aria-hidden />
          </GraphButton>
        </>
      }
    >
      <div className={cx("h-full overflow-y-auto", view === "graph" && "md:hidden")}>
        <Outline {...graph} />
      </div>
      {view === "graph" && (
        <div className="absolute inset-0 max-md:hidden">
          <Drawing {...graph} />
        </div>
      )}
      <FullScreen open={isFull} onOpenChange={setFull} title={title}>
        <Drawing {...graph} />
      </FullScreen>
    </Card>
  );
}

function Drawing(props: OutlineProps) {
  return (
    <Suspense fallback={<Skeleton className="absolute inset-4" />}>
      <Canvas {...props} />
    </Suspense>
  );
}
