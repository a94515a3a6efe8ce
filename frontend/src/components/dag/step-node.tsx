/** One box of the graph: name, who does it, status as icon and word, and how far it is. */
import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { lookOf, StatusIcon } from "@/components/status";
import { cx } from "@/lib/cx";
import { ItemsBar } from "./items-bar";
import { type DagStep, describeItems, kindStatus, waitsFor } from "./step";

export type StepNodeType = Node<{ step: DagStep }, "step">;

export const StepNode = memo(function StepNode({ data: { step }, selected }: NodeProps<StepNodeType>) {
  const kind = kindStatus(step);
  const waits = waitsFor(step);
  const look = step.status === undefined ? undefined : lookOf(step.status);
  return (
    <div
      data-tone={look?.tone ?? "off"}
      className={cx(
        "relative flex h-full w-full flex-col justify-center overflow-hidden rounded-card border bg-bg px-3",
        look &&
          look.tone !== "off" &&
          "before:absolute before:inset-y-0 before:left-0 before:w-[3px] before:bg-(--tone)",
        selected ? "border-accent shadow-[0_0_0_1px_var(--accent)]" : "border-muted/60",
      )}
    >
      <Handle
        type="target"
        position={Position.Top}
        isConnectable={false}
        className="pointer-events-none opacity-0"
      />
      <span className="line-clamp-2 text-meta font-semibold">{step.name}</span>
      <span className="flex items-center gap-1.5 text-caption text-muted">
        {look && step.status && (
          <>
            <StatusIcon status={step.status} size={13} />
            <span className={cx("text-fg", waits ? "truncate" : "shrink-0")}>{waits ?? look.label}</span>
            {!waits && <span aria-hidden>·</span>}
          </>
        )}
        {kind && <StatusIcon status={kind} size={13} />}
        {!waits && <span className="truncate">{step.items ? describeItems(step.items) : step.who}</span>}
      </span>
      {step.items && <ItemsBar items={step.items} className="absolute inset-x-0 bottom-0 h-1" />}
      {step.status === "running" && !step.items && (
        <span className="absolute inset-x-0 bottom-0 h-[3px] bg-border" aria-hidden>
          <span className="block h-full bg-(--tone)" style={{ width: `${step.progress ?? 0}%` }} />
        </span>
      )}
      <Handle
        type="source"
        position={Position.Bottom}
        isConnectable={false}
        className="pointer-events-none opacity-0"
      />
    </div>
  );
});
