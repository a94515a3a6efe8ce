/**
 * Where the nodes of a large graph go: layer below layer, a wide layer broken into rows. Each node is
 * placed once, in the order of what it needs, so that a thousand nodes take milliseconds (dagre
 * takes seconds from some hundreds on).
 */
import { type GraphStep, NODE_HEIGHT, NODE_WIDTH, type Point } from "./nodes";

const ACROSS = 6;
const COLUMN = NODE_WIDTH + 16;
const ROW = NODE_HEIGHT + 12;
const LAYER_GAP = 44;

export function placeMany(steps: readonly GraphStep[]): Map<string, Point> {
  const positions = new Map<string, Point>();
  const ranks = new Map<string, number>();
  let y = 0;
  for (const layer of layersOf(steps)) {
    const places = new Map(layer.map((step) => [step, meanOf(step.needs, ranks)]));
    const ordered = layer.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
    ordered.forEach(({ key }, index) => {
      ranks.set(key, index / ordered.length);
    });
    for (let start = 0; start < ordered.length; start += ACROSS) {
      const row = ordered.slice(start, start + ACROSS);
      const left = ((ACROSS - row.length) / 2) * COLUMN;
      row.forEach(({ key }, index) => {
        positions.set(key, { x: left + index * COLUMN, y });
      });
      y += ROW;
    }
    y += LAYER_GAP;
  }
  return positions;
}

/** Each step one layer below the lowest step it needs; a cycle or an unknown need counts for nothing. */
function layersOf(steps: readonly GraphStep[]): GraphStep[][] {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const depths = new Map<string, number>();
  const open = new Set<string>();
  // A chain may be as long as the graph: a stack of our own instead of recursion.
  for (const { key } of steps) {
    const waiting = [key];
    while (waiting.length > 0) {
      const at = waiting[waiting.length - 1] as string;
      const needs = (byKey.get(at)?.needs ?? []).filter((need) => byKey.has(need));
      const missing = depths.has(at) ? [] : needs.filter((need) => !depths.has(need) && !open.has(need));
      if (missing.length > 0) {
        open.add(at);
        waiting.push(...missing);
        continue;
      }
      waiting.pop();
      open.delete(at);
      if (!depths.has(at)) depths.set(at, Math.max(-1, ...needs.map((need) => depths.get(need) ?? -1)) + 1);
    }
  }
  const layers: GraphStep[][] = [];
  for (const step of steps) {
    const depth = depths.get(step.key) ?? 0;
    layers[depth] ??= [];
    layers[depth].push(step);
  }
  return layers.filter(Boolean);
}

function meanOf(needs: readonly string[], ranks: ReadonlyMap<string, number>): number {
  const known = needs.flatMap((need) => ranks.get(need) ?? []);
  return known.length === 0 ? 0 : known.reduce((sum, rank) => sum + rank, 0) / known.length;
}

/** All lines of a large graph as one drawing: a thousand elements would be a thousand to lay out. */
export function linesOf(steps: readonly GraphStep[], positions: ReadonlyMap<string, Point>): string {
  return steps.flatMap(({ key, needs }) => needs.map((need) => lineOf(need, key, positions))).join("");
}

export function lineOf(from: string, to: string, positions: ReadonlyMap<string, Point>): string {
  const start = positions.get(from);
  const end = positions.get(to);
  if (!start || !end) return "";
  const [x1, y1] = [start.x + NODE_WIDTH / 2, start.y + NODE_HEIGHT];
  const [x2, y2] = [end.x + NODE_WIDTH / 2, end.y];
  const middle = (y1 + y2) / 2;
  return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
}
