/** Where the nodes of a graph go. Only the lazy graph chunk imports this, as it brings dagre along. */
import dagre from "@dagrejs/dagre";

import { type GraphStep, NODE_HEIGHT, NODE_WIDTH, type Point } from "./nodes";

export interface Placed {
  positions: Map<string, Point>;
  /** `bends` lead an edge around the nodes between its ends. */
  edges: { id: string; source: string; target: string; bends: Point[] }[];
}

/** Top-down layers; the same graph always gets the same picture. Needs that name no step are left out. */
export function placeSteps(steps: readonly GraphStep[]): Placed {
  const keys = new Set(steps.map(({ key }) => key));
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 16, edgesep: 16, ranksep: 36, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { key } of steps) graph.setNode(key, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const edges: Omit<Placed["edges"][number], "bends">[] = [];
  for (const { key, needs } of steps) {
    for (const need of needs) {
      if (!keys.has(need)) continue;
      graph.setEdge(need, key);
      edges.push({ id: `${need}→${key}`, source: need, target: key });
    }
  }
  dagre.layout(graph);
  const positions = new Map(
    steps.map(({ key }) => {
      const node = graph.node(key);
      return [key, { x: node.x - NODE_WIDTH / 2, y: node.y - NODE_HEIGHT / 2 }] as const;
    }),
  );
  return {
    positions,
    edges: edges.map((edge) => ({ ...edge, bends: bendsOf(graph.edge(edge.source, edge.target)) })),
  };
}

/**
 * Where an edge passes the layers between its ends: straight down beside their nodes. dagre gives a
 * point for each layer and one for each gap between layers; the gaps need none.
 */
function bendsOf({ points = [] }: { points?: Point[] }): Point[] {
  const layers = points.slice(1, -1).filter((_, index) => index % 2 === 1);
  return layers.flatMap(({ x, y }) => [
    { x, y: y - NODE_HEIGHT / 2 },
    { x, y: y + NODE_HEIGHT / 2 },
  ]);
}

/** One smooth line from the first to the last point, leaving and entering each point straight down. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let from = first;
  let path = `M${from.x} ${from.y}`;
  for (const to of rest) {
    const middle = (from.y + to.y) / 2;
    path += ` C${from.x} ${middle} ${to.x} ${middle} ${to.x} ${to.y}`;
    from = to;
  }
  return path;
}
