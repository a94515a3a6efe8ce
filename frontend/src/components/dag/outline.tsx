/** The steps of a graph as a list that says what each one waits for: everything the drawing says, readable by all. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { StatusText } from "@/components/status";
import { type DagStep, describeItems, waitsFor } from "./step";

export interface OutlineProps {
  label: string;
  steps: readonly DagStep[];
  selected: string | null;
  onSelect: (key: string | null) => void;
}

const VIRTUAL_ABOVE = 150;
const ROW_PX = 52;

export function Outline({ label, steps, selected, onSelect }: OutlineProps) {
  const names = useMemo(() => new Map(steps.map(({ key, name }) => [key, name])), [steps]);
  const box = useRef<HTMLOListElement>(null);
  const isVirtual = steps.length > VIRTUAL_ABOVE;
  const rows = useVirtualizer({
    count: steps.length,
    enabled: isVirtual,
    getScrollElement: () => box.current,
    getItemKey: (index) => steps[index]?.key ?? index,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const row = (step: DagStep, index: number) => (
    <Row
      step={step}
      index={index}
      names={names}
      selected={step.key === selected}
      onSelect={() => onSelect(step.key === selected ? null : step.key)}
    />
  );
  if (isVirtual) {
    return (
      <ol
        ref={box}
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        className="relative h-full max-h-[70dvh] overflow-y-auto"
      >
        <li aria-hidden style={{ height: rows.getTotalSize() }} />
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <li
            key={key}
            ref={rows.measureElement}
            data-index={index}
            aria-setsize={steps.length}
            aria-posinset={index + 1}
            className="absolute inset-x-0 top-0 border-b border-border"
            style={{ transform: `translateY(${start}px)` }}
          >
            {row(steps[index] as DagStep, index)}
          </li>
        ))}
      </ol>
    );
  }
  return (
    <ol aria-label={label} className="flex flex-col">
      {steps.map((step, index) => (
        <li key={step.key} className="border-t border-border first:border-t-0">
          {row(step, index)}
        </li>
      ))}
    </ol>
  );
}

interface RowProps {
  step: DagStep;
  index: number;
  names: ReadonlyMap<string, string>;
  selected: boolean;
  onSelect: () => void;
}

/** Named one by one, more than these needs would fill the row. */
const NAMED_NEEDS = 5;

function Row({ step, index, names, selected, onSelect }: RowProps) {
  const named = step.needs.slice(0, NAMED_NEEDS).map((need) => names.get(need) ?? need);
  const rest = step.needs.length - named.length;
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={onSelect}
      className="flex min-h-11 w-full items-start gap-3 px-3 py-2 text-left hover:bg-surface-2 aria-pressed:bg-surface-2"
    >
      <span className="w-5 shrink-0 text-right text-table text-muted tnum">{index + 1}</span>
      <span className="min-w-0 flex-1">
        <span className="block truncate text-table font-semibold">{step.name}</span>
        <span className="block text-meta text-muted">
          {waitsFor(step) ?? (step.items ? describeItems(step.items) : step.who)}
          {named.length > 0 && ` · after ${named.join(", ")}`}
          {rest > 0 && ` and ${rest} more`}
        </span>
      </span>
      {step.status && <StatusText status={step.status} className="mt-0.5 shrink-0" />}
    </button>
  );
}
