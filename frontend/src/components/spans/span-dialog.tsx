/** One span: what it was, what it used, what went in and came out, and all that its sender said of it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { Input } from "@/components/ui/field";
import { TimeAgo } from "@/components/ui/time-ago";
import { JsonBlock, UntrustedText } from "@/components/ui/untrusted";
import { Fact, Facts } from "@/components/work/facts";
import { Loaded } from "@/components/work/loaded";
import { spanQuery } from "@/lib/api/sessions";
import type { Span } from "@/lib/api/types";
import { cost, count, duration, unknown, visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { useShownSpan } from "./shown";
import { KINDS, STATUS } from "./span-tree";

const KNOWN_FROM: Record<Span["source"], string> = {
  span: "the span itself",
  start: "a start event",
  inferred: "its children, which came first",
  log: "log records",
};

/** Belongs on every page that shows spans, once. */
export function SpanDialog() {
  const { span, close } = useShownSpan();
  return span === undefined ? null : <Shown key={span} id={span} onClose={close} />;
}

function Shown({ id, onClose }: { id: number; onClose: () => void }) {
  const query = useQuery(spanQuery(id));
  const span = query.data;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={span ? visibleText(span.tool || span.name) : "Span"}
      description={
        span && [KINDS[span.kind], visibleText(span.agent?.name ?? "")].filter(Boolean).join(" of ")
      }
      footer={<Button onClick={onClose}>Close</Button>}
    >
      <Loaded query={query} what="This span could not be loaded">
        {(loaded) => <Body span={loaded} />}
      </Loaded>
    </Dialog>
  );
}

function Body({ span }: { span: Span }) {
  const { status, label } = STATUS[span.status];
  const model = [span.provider, span.model].filter(Boolean).join(" / ");
  const usesModel = span.kind === "llm" || span.input_tokens !== null || span.output_tokens !== null;
  return (
    <div className="flex flex-col gap-4">
      {(span.error || span.error_type) && (
        <p data-tone="err" className="tint border-l-[3px] border-l-(--tone) px-3 py-2 text-table break-words">
          {visibleText([span.error_type, span.error].filter(Boolean).join(": "))}
        </p>
      )}
      <Facts columns={2}>
        <Fact name="Status">
          <StatusText status={status} label={label} />
        </Fact>
        <Fact name="Lasted">
          {span.duration_ms === null ? "still open" : duration(span.duration_ms / 1000)}
        </Fact>
        <Fact name="Began">
          <time dateTime={span.started_at}>{absolute(span.started_at)}</time>
        </Fact>
        <Fact name="Known from">
          {KNOWN_FROM[span.source]}, <TimeAgo at={span.seen_at} />
        </Fact>
        {model && <Fact name="Model">{visibleText(model)}</Fact>}
        {usesModel && <Use span={span} />}
      </Facts>
      <Links span={span} />
      {span.input && (
        <Part title={span.kind === "tool" ? "Arguments" : "Input"}>{<Said text={span.input} />}</Part>
      )}
      {span.output && (
        <Part title={span.kind === "tool" ? "Result" : "Output"}>{<Said text={span.output} />}</Part>
      )}
      <Attributes span={span} />
      {span.events.length > 0 && (
        <Part title="Events">
          <JsonBlock value={span.events} className="max-h-80" />
        </Part>
      )}
      <Part title="Ids">
        <div className="flex flex-col gap-2">
          <Copyable name="Trace id" text={span.trace_id} />
          <Copyable name="Span id" text={span.span_id} />
        </div>
      </Part>
    </div>
  );
}

function Use({ span }: { span: Span }) {
  const parts = [
    ["in", span.input_tokens],
    ["out", span.output_tokens],
    ["read from cache", span.cache_read_tokens],
    ["written to cache", span.cache_write_tokens],
    ["reasoning, of the output", span.reasoning_tokens],
  ] as const;
  const told = parts.filter(([, tokens]) => tokens !== null);
  return (
    <>
      <Fact name="Tokens">
        {told.length > 0 ? told.map(([name, tokens]) => `${count(tokens)} ${name}`).join(", ") : unknown}
      </Fact>
      <Fact name="Cost">
        {span.cost_usd === null
          ? "unknown: nobody told it, and the model has no known price"
          : `${cost(span.cost_usd)}, ${span.cost_source}`}
      </Fact>
    </>
  );
}

function Links({ span }: { span: Span }) {
  return (
    <div className="flex flex-wrap gap-x-4 text-table empty:hidden">
      {span.agent && (
        <Link to="/agents/$id" params={{ id: span.agent.id }} className="text-accent hover:underline">
          {visibleText(span.agent.name)}
        </Link>
      )}
      {span.run_id && (
        <Link to="/runs/$id" params={{ id: span.run_id }} className="text-accent hover:underline">
          Its run
        </Link>
      )}
      {span.session && (
        <Link to="/sessions/$id" params={{ id: span.session }} className="text-accent hover:underline">
          Its session
        </Link>
      )}
    </div>
  );
}

const FEW = 8;

/** What its sender said of it and of itself, as a table that can be searched. */
function Attributes({ span }: { span: Span }) {
  const [wanted, setWanted] = useState("");
  const all = [...Object.entries(span.attributes), ...Object.entries(span.resource)].map(
    ([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)] as const,
  );
  const word = wanted.trim().toLowerCase();
  const fitting = all.filter(([name, value]) => `${name} ${value}`.toLowerCase().includes(word));
  if (all.length === 0) return null;
  return (
    <Part title={`Attributes, ${count(all.length)}`}>
      {all.length > FEW && (
        <Input
          type="search"
          aria-label="Search attributes"
          placeholder="Search attributes"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          className="mb-2"
        />
      )}
      {fitting.length > 0 ? (
        <dl className="grid grid-cols-1 gap-x-4 text-meta md:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
          {fitting.map(([name, value], place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a span and its resource may name the same
            <div key={place} className="contents">
              <dt className="break-words border-t pt-1 font-mono text-muted md:pb-1">{visibleText(name)}</dt>
              <dd className="break-words pb-1 font-mono md:border-t md:pt-1">
                <UntrustedText text={value} />
              </dd>
            </div>
          ))}
        </dl>
      ) : (
        <p className="text-table text-muted">No attribute matches.</p>
      )}
    </Part>
  );
}

/** What is JSON is easier to read in lines. */
function Said({ text }: { text: string }) {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return <JsonBlock value={value} className="max-h-80" />;
  } catch {
    // Plain text, or cut off.
  }
  return (
    <UntrustedText
      text={text}
      className="max-h-80 overflow-auto rounded-control bg-surface-2 p-3 font-mono text-meta"
    />
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-1">
      <h3 className="text-table font-semibold">{title}</h3>
      {children}
    </section>
  );
}
