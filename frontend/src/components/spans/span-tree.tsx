/** Spans as a waterfall: each after its parent, its place in time beside it. */
import { StatusText } from "@/components/status";
import { Elapsed } from "@/components/ui/time-ago";
import type { SpanRow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { useShownSpan } from "./shown";

/** A span's states by the words and tones of command runs. */
export const STATUS = {
  open: { status: "running", label: "Going on" },
  ok: { status: "completed", label: "Ended" },
  error: { status: "failed", label: "Failed" },
  unknown: { status: "offline", label: "Not heard of any more" },
} as const;
export const KINDS: Record<string, string> = {
  workflow: "workflow",
  agent: "agent",
  llm: "model",
  tool: "tool",
  other: "",
};

export function SpanTree({ spans }: { spans: SpanRow[] }) {
  const begin = Math.min(...spans.map((span) => Date.parse(span.started_at)));
  const end = Math.max(begin + 1, ...spans.map((span) => ended(span)));
  const { show } = useShownSpan();
  return (
    <ol aria-label="Spans" className="flex flex-col">
      {spans.map((span) => (
        <Bar key={span.id} span={span} begin={begin} length={end - begin} onShow={show} />
      ))}
    </ol>
  );
}

interface BarProps {
  span: SpanRow;
  begin: number;
  length: number;
  onShow: (id: number) => void;
}

function Bar({ span, begin, length, onShow }: BarProps) {
  const start = Date.parse(span.started_at);
  const left = ((start - begin) / length) * 100;
  const width = Math.max(0.5, ((ended(span) - start) / length) * 100);
  const { status, label } = STATUS[span.status];
  const tone = span.status === "error" ? "bg-err" : span.status === "open" ? "bg-run" : "bg-ok";
  const what = [KINDS[span.kind], span.model].filter(Boolean).join(", ");
  return (
    <li className="relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 rounded-control py-1 text-meta hover:bg-surface max-md:min-h-11 md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_72px]">
      <span
        className="flex min-w-0 items-center gap-2"
        style={{ paddingLeft: Math.min(span.depth, 12) * 12 }}
      >
        <StatusText status={status} label={label} />
        <button
          type="button"
          aria-haspopup="dialog"
          onClick={() => onShow(span.id)}
          className="truncate text-left after:absolute after:inset-0 hover:underline"
        >
          {visibleText(span.tool || span.name)}
        </button>
        {what && <span className="truncate text-muted max-md:hidden">{visibleText(what)}</span>}
      </span>
      <span aria-hidden className="relative h-2 rounded-pill bg-surface max-md:hidden">
        <span
          className={`absolute inset-y-0 rounded-pill ${tone}`}
          style={{ left: `${Math.min(left, 99.5)}%`, width: `${Math.min(width, 100 - left)}%` }}
        />
      </span>
      <Elapsed from={span.started_at} until={span.ended_at} className="tnum text-right" />
    </li>
  );
}

function ended(span: SpanRow): number {
  return span.ended_at ? Date.parse(span.ended_at) : Date.now();
}
