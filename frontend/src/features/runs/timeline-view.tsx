/** The steps of a run over time: a list of buttons that is also the readable form of the graph. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useMemo, useRef } from "react";
import { describeItems, ItemsBar } from "@/components/dag";
import { doerOf, lookOf, StatusIcon, stepStatus } from "@/components/status";
import { useMatches } from "@/hooks";
import type { Run, Step } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { duration, sentence, visibleText } from "@/lib/format";
import { localTimes, useNow } from "@/lib/time";
import { isOver } from "./model";
import { type Bar, barOf, type Span, spanOf, tickLabel, ticksOf } from "./timeline";

interface TimelineProps {
  run: Run;
  selected: string | undefined;
  onSelect: (key: string | undefined) => void;
}

/** Up to so many rows the list is part of the page; a longer one scrolls by itself, rows in sight only. */
const VIRTUAL_ABOVE = 100;
/** As the row's classes have it, so that a list that starts far down stays where it is. */
const ROW_PX = { wide: 32, narrow: 44 };
/** The height of the long list, at most: see its class. */
const LIST_PX = 420;

export function TimelineView({ run, selected, onSelect }: TimelineProps) {
  const { steps } = run;
  const isVirtual = steps.length > VIRTUAL_ABOVE;
  const rowPx = useMatches("(min-width: 768px)") ? ROW_PX.wide : ROW_PX.narrow;
  const now = useNow(1000);
  const list = useRef<HTMLOListElement>(null);
  const { startedAt, totalSeconds } = spanOf(run, steps, now);
  const span = useMemo(() => ({ startedAt, totalSeconds }), [startedAt, totalSeconds]);
  const shape = steps.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a run's steps keep their names
  const names = useMemo(() => new Map(steps.map(({ key, name }) => [key, name])), [run.id, shape]);
  const keys = useMemo(() => [...names.keys()], [names]);
  const rows = useVirtualizer({
    count: steps.length,
    enabled: isVirtual,
    getScrollElement: () => list.current,
    getItemKey: useCallback((index: number) => keys[index] ?? index, [keys]),
    estimateSize: () => rowPx,
    overscan: 12,
    // Never further than it can scroll: the list would measure itself again and again to get there.
    initialOffset: () => {
      const above = steps.findIndex(({ key }) => key === selected) - 3;
      return Math.max(0, Math.min(above * rowPx, steps.length * rowPx - LIST_PX));
    },
  });

  function moveFocus(by: number) {
    const at = document.activeElement?.closest<HTMLElement>("[data-index]")?.dataset.index;
    if (at === undefined) return;
    const to = Number(at) + by;
    const focus = () => list.current?.querySelector<HTMLElement>(`[data-index="${to}"] button`)?.focus();
    if (isVirtual) rows.scrollToIndex(to);
    focus();
    // A row that was out of sight exists one frame later.
    if (isVirtual) requestAnimationFrame(focus);
  }

  const row = (step: Step) => (
    <Row
      step={step}
      span={span}
      now={now}
      names={names}
      selected={step.key === selected}
      onSelect={onSelect}
    />
  );
  return (
    <div className="flex flex-col">
      <Scale totalSeconds={totalSeconds} />
      <ol
        ref={list}
        aria-label="Steps over time"
        className={cx(
          "relative flex flex-col",
          isVirtual && "h-[min(420px,60dvh)] overflow-y-auto overscroll-contain",
        )}
        {...(isVirtual && { tabIndex: 0 })}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          moveFocus(event.key === "ArrowDown" ? 1 : -1);
        }}
      >
        {isVirtual ? (
          <>
            <li aria-hidden className="shrink-0" style={{ height: rows.getTotalSize() }} />
            {rows.getVirtualItems().map(({ key, index, start }) => (
              <li
                key={key}
                ref={rows.measureElement}
                data-index={index}
                aria-setsize={steps.length}
                aria-posinset={index + 1}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${start}px)` }}
              >
                {row(steps[index] as Step)}
              </li>
            ))}
          </>
        ) : (
          steps.map((step, index) => (
            <li key={step.key} data-index={index}>
              {row(step)}
            </li>
          ))
        )}
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
              {tickLabel(tick)}
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
  span: Span;
  now: number;
  names: ReadonlyMap<string, string>;
  selected: boolean;
  onSelect: TimelineProps["onSelect"];
}

/** Named one by one, more than these needs would be a page of their own to listen to. */
const NAMED_NEEDS = 5;

const Row = memo(function Row({ step, span, now, names, selected, onSelect }: RowProps) {
  const bar = barOf(step, span, now);
  const status = stepStatus(step);
  const waits = step.status === "waiting" ? step.wait_reason : "";
  const after = step.needs.slice(0, NAMED_NEEDS).map((need) => names.get(need) ?? need);
  const rest = step.needs.length - after.length;
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={() => onSelect(selected ? undefined : step.key)}
      title={step.wait_reason || undefined}
      className={`${COLUMNS} min-h-11 w-full border-l-2 border-transparent px-3 py-1 text-left hover:bg-surface-2 aria-pressed:border-accent aria-pressed:bg-surface-2 md:min-h-8`}
    >
      <span className="flex min-w-0 items-center gap-2">
        <StatusIcon status={status} size={14} />
        <span className="min-w-0">
          <span className="block truncate text-table">{step.name}</span>
          <span className={cx("block truncate text-meta text-muted", !waits && "md:sr-only")}>
            {waits ? sentence(localTimes(visibleText(waits))) : lookOf(status).label}
            {!waits && step.items && ` · ${describeItems(step.items)}`}
            {!waits && !step.items && step.started_at && ` · ${doerOf(step)}`}
            {after.length > 0 && (
              <span className="sr-only">
                , after {after.join(", ")}
                {rest > 0 && ` and ${rest} more`}
              </span>
            )}
          </span>
        </span>
      </span>
      <Track step={step} bar={bar} />
      <span className="text-right text-meta text-muted tnum">
        {bar.seconds != null ? duration(bar.seconds) : lookOf(status).label}
      </span>
    </button>
  );
});

function Track({ step, bar }: { step: Step; bar: Bar }) {
  if (bar.left == null) return <span aria-hidden className="hidden h-px bg-border md:block" />;
  const running = !isOver(step.status);
  return (
    <span aria-hidden data-tone={lookOf(step.status).tone} className="relative hidden h-3.5 md:block">
      <span className="absolute inset-x-0 top-1/2 h-px bg-border" />
      <span
        className={`absolute inset-y-0 overflow-hidden rounded-[3px] ${running ? "tint" : "bg-(--tone)"}`}
        style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
      >
        {step.items ? (
          <ItemsBar items={step.items} className="h-full" />
        ) : (
          running && <span className="block h-full bg-(--tone)" style={{ width: `${step.progress}%` }} />
        )}
      </span>
    </span>
  );
}
