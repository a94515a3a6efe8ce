/** Where the nodes of a graph go. Only the lazy graph chunk imports this, as it brings dagre along. */
import dagre from "@dagrejs/dagre";

export const NODE_WIDTH = 208;
export const NODE_HEIGHT = 68;

export interface GraphStep {
  key: string;
  needs: readonly string[];
}

export interface Placed {
  positions: Map<string, { x: number; y: number }>;
  edges: { id: string; source: string; target: string }[];
}

/** Top-down layers; the same graph always gets the same picture. Needs that name no step are left out. */
export function placeSteps(steps: readonly GraphStep[]): Placed {
  const keys = new Set(steps.map(({ key }) => key));
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 20, ranksep: 40, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { key } of steps) graph.setNode(key, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const edges: Placed["edges"] = [];
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
  return { positions, edges };
}

/** Changes exactly when the picture must be laid out again; statuses and progress do not count. */
export function shapeOf(steps: readonly GraphStep[]): string {
  return JSON.stringify(steps.map(({ key, needs }) => [key, needs]));
}
