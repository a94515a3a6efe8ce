/** The graph of a definition or run in its card: drawn when there is room, always readable as a list, full screen on demand. */
import { Expand, List, Workflow } from "lucide-react";
import { lazy, memo, Suspense, useState } from "react";
import { Card } from "@/components/ui/card";
import { FullScreen } from "@/components/ui/full-screen";
import { Skeleton } from "@/components/ui/states";
import { useMatches } from "@/hooks";
import { plural } from "@/lib/format";
import { patiently } from "@/lib/new-build";
import { GraphButton } from "./graph-button";
import { Outline, type OutlineProps } from "./outline";

const Canvas = lazy(() => patiently(() => import("./dag-canvas")));

interface DagProps extends OutlineProps {
  title: string;
  className?: string;
}

export const Dag = memo(function Dag({ title, className, ...graph }: DagProps) {
  const [wantsList, setWantsList] = useState(false);
  // Not drawn and hidden: a large graph is the dearest part of its page.
  const isWide = useMatches("(min-width: 768px)");
  const asList = wantsList || !isWide;
  return (
    <Card
      title={title}
      note={plural(graph.steps.length, "step")}
      className={className}
      bodyClassName="relative p-0"
      actions={
        <>
          <span className="max-md:hidden">
            <GraphButton
              label={asList ? "Show as graph" : "Show as list"}
              onClick={() => setWantsList(!wantsList)}
              pressed={asList}
            >
              {asList ? <Workflow size={14} aria-hidden /> : <List size={14} aria-hidden />}
            </GraphButton>
          </span>
          <FullScreenDag title={title} {...graph} />
        </>
      }
    >
      {asList ? (
        <div className="h-full overflow-y-auto">
          <Outline {...graph} />
        </div>
      ) : (
        <div className="absolute inset-0">
          <Drawing {...graph} />
        </div>
      )}
    </Card>
  );
});

/** The button that shows the graph over the whole window: on a phone the only way to see it drawn. */
export function FullScreenDag({ title, ...graph }: OutlineProps & { title: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <GraphButton label="Show graph in full screen" onClick={() => setOpen(true)}>
        <Expand size={14} aria-hidden />
      </GraphButton>
      <FullScreen open={isOpen} onOpenChange={setOpen} title={title}>
        <Drawing
          {...graph}
          onSelect={(key) => {
            graph.onSelect(key);
            if (key !== null) setOpen(false);
          }}
        />
      </FullScreen>
    </>
  );
}

function Drawing(props: OutlineProps) {
  return (
    <Suspense fallback={<Skeleton className="absolute inset-4" />}>
      <Canvas {...props} />
    </Suspense>
  );
}
