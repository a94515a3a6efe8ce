/** The drawn graph: pan, zoom, keyboard and selection come from xyflow. Loaded lazily. */
import {
  type NodeChange,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  ViewportPortal,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Maximize, Minus, Plus } from "lucide-react";
import { memo, type ReactNode, useEffect, useMemo, useRef } from "react";
import { GraphButton } from "./graph-button";
import { lineOf } from "./layout-large";
import { LARGE_GRAPH, NODE_HEIGHT, NODE_WIDTH, type Point } from "./nodes";
import type { DagStep } from "./step";
import { StepEdge, type StepEdgeType } from "./step-edge";
import { StepNode, type StepNodeType } from "./step-node";
import { type Graph as Laid, useGraph } from "./use-graph";

export interface DagCanvasProps {
  label: string;
  steps: readonly DagStep[];
  selected: string | null;
  onSelect: (key: string | null) => void;
  /** More buttons beside the zoom buttons. */
  actions?: ReactNode;
}

const nodeTypes = { step: StepNode };
const edgeTypes = { step: StepEdge };
const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.3 };
/** Smaller, a large graph would show more boxes at once than a browser moves smoothly. */
const LARGE_MIN_ZOOM = 0.35;

export default function DagCanvas(props: DagCanvasProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ label, steps, selected, onSelect, actions }: DagCanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const graph = useGraph(steps, selected);
  const isLarge = steps.length > LARGE_GRAPH;
  const show = useShow(graph, isLarge, box, selected);
  useRefit(box, show.all, graph.positions);

  function onNodesChange(changes: NodeChange<StepNodeType>[]) {
    const chosen = changes.find((change) => change.type === "select" && change.selected);
    if (chosen?.type === "select") onSelect(chosen.id);
  }

  return (
    <div ref={box} className="dag absolute inset-0">
      <ReactFlow<StepNodeType, StepEdgeType>
        aria-label={label}
        nodes={graph.nodes}
        edges={graph.edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={onNodesChange}
        onPaneClick={() => onSelect(null)}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        deleteKeyCode={null}
        multiSelectionKeyCode={null}
        selectionKeyCode={null}
        onlyRenderVisibleElements={isLarge}
        fitView={!isLarge}
        fitViewOptions={FIT}
        {...(isLarge && { onInit: show.all })}
        minZoom={isLarge ? LARGE_MIN_ZOOM : 0.2}
        maxZoom={1.5}
        preventScrolling={false}
        zoomOnScroll={false}
        zoomActivationKeyCode={["Meta", "Control"]}
        proOptions={{ hideAttribution: true }}
      >
        {isLarge && (
          <Lines lines={graph.lines} steps={graph.shaped} positions={graph.positions} selected={selected} />
        )}
        <Panel position="bottom-left" className="flex gap-1">
          <ZoomButtons onFit={show.all} />
          {actions}
        </Panel>
      </ReactFlow>
    </div>
  );
}

type LinesProps = Pick<Laid, "lines" | "positions"> & Pick<DagCanvasProps, "steps" | "selected">;

/** The lines of a large graph: all of them faint, those of the chosen step plain. */
const Lines = memo(function Lines({ lines, steps, positions, selected }: LinesProps) {
  const chosen = useMemo(() => {
    if (selected === null) return "";
    return steps
      .flatMap(({ key, needs }) =>
        key === selected
          ? needs.map((need) => lineOf(need, key, positions))
          : needs.includes(selected)
            ? [lineOf(selected, key, positions)]
            : [],
      )
      .join("");
  }, [steps, selected, positions]);
  return (
    <ViewportPortal>
      <svg
        aria-hidden="true"
        width="1"
        height="1"
        className="pointer-events-none absolute top-0 left-0 -z-1 overflow-visible fill-none"
      >
        <path d={lines} className="stroke-off opacity-25" strokeWidth={1} />
        <path d={chosen} className="stroke-accent" strokeWidth={1.5} />
      </svg>
    </ViewportPortal>
  );
});

/** Ways to bring the graph into sight. A large one cannot be shown whole: its top, or the chosen step. */
function useShow(
  graph: Laid,
  isLarge: boolean,
  box: React.RefObject<HTMLDivElement | null>,
  selected: string | null,
) {
  const { fitView, setCenter, setViewport } = useReactFlow();
  const latest = useRef({ graph, isLarge, selected });
  latest.current = { graph, isLarge, selected };
  return useMemo(
    () => ({
      all: () => {
        const { graph, isLarge, selected } = latest.current;
        if (!isLarge) return void fitView(FIT);
        const at = selected === null ? undefined : graph.positions.get(selected);
        if (at) return void setCenter(...middle(at), { zoom: 0.8 });
        const wide = Math.max(...[...graph.positions.values()].map(({ x }) => x)) + NODE_WIDTH;
        const zoom = Math.max(LARGE_MIN_ZOOM, Math.min(1, (box.current?.clientWidth ?? 700) / (wide + 48)));
        void setViewport({ x: 24 * zoom, y: 24 * zoom, zoom });
      },
    }),
    [fitView, setCenter, setViewport, box],
  );
}

const middle = ({ x, y }: Point): [number, number] => [x + NODE_WIDTH / 2, y + NODE_HEIGHT / 2];

/** Shows the whole graph again when its box or its shape changes. */
function useRefit(
  box: React.RefObject<HTMLDivElement | null>,
  show: () => void,
  positions: ReadonlyMap<string, Point>,
) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new layout is the reason to fit again
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(show);
    observer.observe(element);
    return () => observer.disconnect();
  }, [show, positions, box]);
}

function ZoomButtons({ onFit }: { onFit: () => void }) {
  const { zoomIn, zoomOut } = useReactFlow();
  return (
    <>
      <GraphButton label="Zoom in" onClick={() => void zoomIn()}>
        <Plus size={14} aria-hidden />
      </GraphButton>
      <GraphButton label="Zoom out" onClick={() => void zoomOut()}>
        <Minus size={14} aria-hidden />
      </GraphButton>
      <GraphButton label="Fit to view" onClick={onFit}>
        <Maximize size={14} aria-hidden />
      </GraphButton>
    </>
  );
}
