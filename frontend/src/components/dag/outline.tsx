/** The steps of a graph as a list that says what each one waits for: everything the drawing says, readable by all. */
import { StatusText } from "@/components/status";
import { type DagStep, waitsFor } from "./step";

export interface OutlineProps {
  label: string;
  steps: readonly DagStep[];
  selected: string | null;
  onSelect: (key: string | null) => void;
}

export function Outline({ label, steps, selected, onSelect }: OutlineProps) {
  const names = new Map(steps.map(({ key, name }) => [key, name]));
  return (
    <ol aria-label={label} className="flex flex-col">
      {steps.map((step, index) => (
        <li key={step.key} className="border-t border-border first:border-t-0">
          <button
            type="button"
            aria-pressed={step.key === selected}
            onClick={() => onSelect(step.key === selected ? null : step.key)}
            className="flex min-h-11 w-full items-start gap-3 px-3 py-2 text-left hover:bg-surface-2 aria-pressed:bg-surface-2"
          >
            <span className="w-5 shrink-0 text-right text-table text-muted tnum">{index + 1}</span>
            <span className="min-w-0 flex-1">
              <span className="block truncate text-table font-semibold">{step.name}</span>
              <span className="block text-meta text-muted">
                {waitsFor(step) ?? step.who}
                {step.needs.length > 0 &&
                  ` · after ${step.needs.map((need) => names.get(need) ?? need).join(", ")}`}
              </span>
            </span>
            {step.status && <StatusText status={step.status} className="mt-0.5 shrink-0" />}
          </button>
        </li>
      ))}
    </ol>
  );
}
