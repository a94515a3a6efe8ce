/** A small square button that floats over a graph. */
import type { ReactNode } from "react";

export function GraphButton(props: {
  label: string;
  pressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <button
      type="button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      onClick={props.onClick}
      className="grid size-8 place-items-center rounded-control border border-border bg-surface text-muted hover:bg-surface-2 hover:text-fg pointer-coarse:size-11"
    >
      {props.children}
    </button>
  );
}
