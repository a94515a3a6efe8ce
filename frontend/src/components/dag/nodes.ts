/** The size of a node and what a layout knows of it. */
export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 72;

export interface GraphStep {
  key: string;
  needs: readonly string[];
}

export interface Point {
  x: number;
  y: number;
}

/** Above so many steps a graph is laid out row by row, drawn with fewer lines, and listed in part. */
export const LARGE_GRAPH = 150;

/** Changes exactly when the picture must be laid out again; statuses and progress do not count. */
export function shapeOf(steps: readonly GraphStep[]): string {
  return JSON.stringify(steps.map(({ key, needs }) => [key, needs]));
}

/** Whether two lists have one shape, without writing it out: after a patch nearly all steps are the same. */
export function hasShapeOf(before: readonly GraphStep[], after: readonly GraphStep[]): boolean {
  if (before === after) return true;
  if (before.length !== after.length) return false;
  return after.every((step, index) => {
    const other = before[index];
    if (other === undefined || other === step) return other === step;
    return (
      other.key === step.key &&
      (other.needs === step.needs ||
        (other.needs.length === step.needs.length &&
          other.needs.every((need, at) => need === step.needs[at])))
    );
  });
}
