/** The drawn graph: pan, zoom, keyboard and selection come from xyflow. Loaded lazily. */
import {
  MarkerType,
  type Node,
  type NodeChange,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Maximize, Minus, Plus } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { GraphButton } from "./graph-button";
import { NODE_HEIGHT, NODE_WIDTH, placeSteps, shapeOf } from "./layout";
import { type DagStep, describeStep } from "./step";
import { StepEdge, type StepEdgeType } from "./step-edge";
import { StepNode, type StepNodeType } from "./step-node";

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

export default function DagCanvas(props: DagCanvasProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ label, steps, selected, onSelect, actions }: DagCanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const { nodes, edges } = useGraph(steps, selected);
  useRefit(box, shapeOf(steps));

  function onNodesChange(changes: NodeChange<StepNodeType>[]) {
    const chosen = changes.find((change) => change.type === "select" && change.selected);
    if (chosen?.type === "select") onSelect(chosen.id);
  }

  return (
    <div ref={box} className="dag absolute inset-0">
      <ReactFlow<StepNodeType, StepEdgeType>
        aria-label={label}
        nodes={nodes}
        edges={edges}
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
        fitView
        fitViewOptions={FIT}
        minZoom={0.2}
        maxZoom={1.5}
        preventScrolling={false}
        zoomOnScroll={false}
        zoomActivationKeyCode={["Meta", "Control"]}
        proOptions={{ hideAttribution: true }}
      >
        <Panel position="bottom-left" className="flex gap-1">
          <ZoomButtons />
          {actions}
        </Panel>
      </ReactFlow>
    </div>
  );
}

function useGraph(steps: readonly DagStep[], selected: string | null) {
  const shape = shapeOf(steps);
  // biome-ignore lint/correctness/useExhaustiveDependencies: statuses change many times a second, the layout never with them
  const placed = useMemo(() => placeSteps(steps), [shape]);
  const nodes = useMemo(
    () =>
      steps.map(
        (step): StepNodeType => ({
          id: step.key,
          type: "step",
          position: placed.positions.get(step.key) ?? { x: 0, y: 0 },
          width: NODE_WIDTH,
          height: NODE_HEIGHT,
          selected: step.key === selected,
          ariaRole: "button",
          ariaLabel: describeStep(step),
          data: { step },
        }),
      ),
    [steps, selected, placed],
  );
  const edges = useMemo(
    () =>
      placed.edges.map(
        ({ bends, ...edge }): StepEdgeType => ({
          ...edge,
          type: "step",
          data: { bends },
          focusable: false,
          selectable: false,
          markerEnd: { type: MarkerType.ArrowClosed, color: "var(--off)", width: 14, height: 14 },
          style: { stroke: "var(--off)", strokeWidth: 1.25 },
        }),
      ),
    [placed],
  );
  return { nodes: nodes as Node[] as StepNodeType[], edges };
}

/** Shows the whole graph again when its box or its shape changes. */
function useRefit(box: React.RefObject<HTMLDivElement | null>, shape: string) {
  const { fitView } = useReactFlow();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new shape is the reason to fit again
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => void fitView(FIT));
    observer.observe(element);
    return () => observer.disconnect();
  }, [fitView, shape, box]);
}

function ZoomButtons() {
  const { fitView, zoomIn, zoomOut } = useReactFlow();
  return (
    <>
      <GraphButton label="Zoom in" onClick={() => void zoomIn()}>
        <Plus size={14} aria-hidden />
      </GraphButton>
      <GraphButton label="Zoom out" onClick={() => void zoomOut()}>
        <Minus size={14} aria-hidden />
      </GraphButton>
      <GraphButton label="Fit to view" onClick={() => void fitView(FIT)}>
        <Maximize size={14} aria-hidden />
      </GraphButton>
    </>
  );
}
