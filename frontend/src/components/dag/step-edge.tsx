/** A line from a step to one that needs it, led around the steps between them. */
import { BaseEdge, type Edge, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import { pathThrough } from "./layout";
import type { Point } from "./nodes";

export type StepEdgeType = Edge<{ bends: Point[] }, "step">;

export const StepEdge = memo(function StepEdge(props: EdgeProps<StepEdgeType>) {
  const { sourceX, sourceY, targetX, targetY, data, markerEnd, style } = props;
  const points = [{ x: sourceX, y: sourceY }, ...(data?.bends ?? []), { x: targetX, y: targetY }];
  return <BaseEdge path={pathThrough(points)} markerEnd={markerEnd} style={style} />;
});
