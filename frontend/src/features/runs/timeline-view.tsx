/** The steps of a run over time: a list of buttons that is also the readable form of the graph. */
import { useRef } from "react";
import { doerOf, lookOf, StatusIcon, stepStatus } from "@/components/status";
import type { Run, Step } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { duration, sentence, visibleText } from "@/lib/format";
import { localTimes, useNow } from "@/lib/time";
import { isOver } from "./model";
import { type Bar, ticksOf, timelineOf } from "./timeline";

interface TimelineProps {
  run: Run;
  selected: string | undefined;
  onSelect: (key: string | undefined) => void;
}

export function TimelineView({ run, selected, onSelect }: TimelineProps) {
  const now = useNow(1000);
  const list = useRef<HTMLOListElement>(null);
  const { bars, totalSeconds } = timelineOf(run, run.steps, now);

  function moveFocus(by: number) {
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[at + by]?.focus();
  }

  return (
    <div className="flex flex-col">
      <Scale totalSeconds={totalSeconds} />
      <ol
        ref={list}
        aria-label="Steps over time"
        className="flex flex-col"
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          moveFocus(event.key === "ArrowDown" ? 1 : -1);
        }}
      >
        {run.steps.map((step, index) => (
          <li key={step.key}>
            <Row
              step={step}
              bar={bars[index]}
              names={new Map(run.steps.map(({ key, name }) => [key, name]))}
              selected={step.key === selected}
              onSelect={() => onSelect(step.key === selected ? undefined : step.key)}
            />
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Name and bar share these columns, so that the scale stands above the bars. */
const COLUMNS =
  "grid grid-cols-[minmax(0,1fr)_72px] items-center gap-x-3 md:grid-cols-[minmax(0,224px)_1fr_60px]";

function Scale({ totalSeconds }: { totalSeconds: number }) {
  return (
    <div aria-hidden className={`${COLUMNS} hidden h-6 px-3 md:grid`}>
      <span />
      <span className="relative h-4">
        {ticksOf(totalSeconds).map((tick) => {
          const left = (tick / totalSeconds) * 100;
          return (
            <span
              key={tick}
              className="absolute text-caption whitespace-nowrap text-muted tnum"
              style={left > 86 ? { right: 0 } : { left: `${left}%` }}
            >
              {tick === 0 ? "0 s" : duration(tick)}
            </span>
          );
        })}
      </span>
      <span />
    </div>
  );
}

interface RowProps {
  step: Step;
  bar: Bar | undefined;
  names: Map<string, string>;
  selected: boolean;
  onSelect: () => void;
}

function Row({ step, bar, names, selected, onSelect }: RowProps) {
  const status = stepStatus(step);
  const waits = step.status === "waiting" ? step.wait_reason : "";
  const after = step.needs.map((need) => names.get(need) ?? need).join(", ");
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={onSelect}
      title={step.wait_reason || undefined}
      className={`${COLUMNS} min-h-11 w-full border-l-2 border-transparent px-3 py-1 text-left hover:bg-surface-2 aria-pressed:border-accent aria-pressed:bg-surface-2 md:min-h-8`}
    >
      <span className="flex min-w-0 items-center gap-2">
        <StatusIcon status={status} size={14} />
        <span className="min-w-0">
          <span className="block truncate text-table">{step.name}</span>
          <span className={cx("block truncate text-meta text-muted", !waits && "md:sr-only")}>
            {waits ? sentence(localTimes(visibleText(waits))) : lookOf(status).label}
            {!waits && step.started_at && ` · ${doerOf(step)}`}
            {after && <span className="sr-only">, after {after}</span>}
          </span>
        </span>
      </span>
      <Track step={step} bar={bar} />
      <span className="text-right text-meta text-muted tnum">
        {bar?.seconds != null ? duration(bar.seconds) : lookOf(status).label}
      </span>
    </button>
  );
}

function Track({ step, bar }: { step: Step; bar: Bar | undefined }) {
  if (bar?.left == null) return <span aria-hidden className="hidden h-px bg-border md:block" />;
  const running = !isOver(step.status);
  return (
    <span aria-hidden data-tone={lookOf(step.status).tone} className="relative hidden h-3.5 md:block">
      <span className="absolute inset-x-0 top-1/2 h-px bg-border" />
      <span
        className={`absolute inset-y-0 overflow-hidden rounded-[3px] ${running ? "tint" : "bg-(--tone)"}`}
        style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
      >
        {running && <span className="block h-full bg-(--tone)" style={{ width: `${step.progress}%` }} />}
      </span>
    </span>
  );
}
