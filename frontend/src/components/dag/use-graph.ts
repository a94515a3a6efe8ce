/** What xyflow draws: laid out once for a shape, each node made anew only when its step is another. */
import { MarkerType, Position } from "@xyflow/react";
import { useMemo, useRef } from "react";
import { placeSteps } from "./layout";
import { linesOf, placeMany } from "./layout-large";
import { hasShapeOf, LARGE_GRAPH, NODE_HEIGHT, NODE_WIDTH, type Point } from "./nodes";
import { type DagStep, describeStep } from "./step";
import type { StepEdgeType } from "./step-edge";
import type { StepNodeType } from "./step-node";

export interface Graph {
  positions: ReadonlyMap<string, Point>;
  nodes: StepNodeType[];
  edges: StepEdgeType[];
  /** Of a large graph, in place of edges. */
  lines: string;
  /** The steps as they were laid out: the same list while only their states change. */
  shaped: readonly DagStep[];
}

type Laid = Omit<Graph, "nodes">;

export function useGraph(steps: readonly DagStep[], selected: string | null): Graph {
  const shape = useRef(steps);
  if (!hasShapeOf(shape.current, steps)) shape.current = steps;
  const shaped = shape.current;
  const laid = useMemo(() => layOut(shaped), [shaped]);
  const made = useRef({ laid, nodes: new Map<string, StepNodeType>() });
  if (made.current.laid !== laid) made.current = { laid, nodes: new Map() };
  const known = made.current.nodes;
  const nodes = useMemo(
    () =>
      steps.map((step) => {
        const before = known.get(step.key);
        const isSelected = step.key === selected;
        if (before && before.data.step === step && before.selected === isSelected) return before;
        const node = nodeOf(step, laid.positions.get(step.key), isSelected);
        known.set(step.key, node);
        return node;
      }),
    [steps, selected, laid, known],
  );
  return { ...laid, nodes };
}

/** Known beforehand: otherwise every node is drawn once to be measured, also those out of sight. */
const HANDLES = [
  { type: "target" as const, position: Position.Top, x: NODE_WIDTH / 2, y: 0, width: 0, height: 0 },
  {
    type: "source" as const,
    position: Position.Bottom,
    x: NODE_WIDTH / 2,
    y: NODE_HEIGHT,
    width: 0,
    height: 0,
  },
];

function nodeOf(step: DagStep, position: Point | undefined, selected: boolean): StepNodeType {
  return {
    id: step.key,
    type: "step",
    position: position ?? { x: 0, y: 0 },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    measured: { width: NODE_WIDTH, height: NODE_HEIGHT },
    handles: HANDLES,
    selected,
    ariaRole: "button",
    ariaLabel: describeStep(step),
    data: { step },
  };
}

function layOut(steps: readonly DagStep[]): Laid {
  if (steps.length > LARGE_GRAPH) {
    const positions = placeMany(steps);
    return { positions, edges: [], lines: linesOf(steps, positions), shaped: steps };
  }
  const placed = placeSteps(steps);
  const edges = placed.edges.map(
    ({ bends, ...edge }): StepEdgeType => ({
      ...edge,
      type: "step",
      data: { bends },
      focusable: false,
      selectable: false,
      markerEnd: { type: MarkerType.ArrowClosed, color: "var(--off)", width: 14, height: 14 },
      style: { stroke: "var(--off)", strokeWidth: 1.25 },
    }),
  );
  return { positions: placed.positions, edges, lines: "", shaped: steps };
}
