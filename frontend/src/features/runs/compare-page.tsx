/** Two runs side by side: what is said of each, and their steps, those that differ most first. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowLeftRight } from "lucide-react";
import type { ReactNode } from "react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field, Select } from "@/components/ui/field";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { TextDiff } from "@/components/work/text-diff";
import { TokenCount } from "@/components/work/tokens";
import { runQuery, runsQuery } from "@/lib/api/runs";
import type { Run, RunRow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { absolute, clockTime } from "@/lib/time";
import { textOf } from "./compare";
import { ComparedSteps } from "./compare-steps";

interface ComparePageProps {
  a: string | undefined;
  b: string | undefined;
  all: boolean;
  onChange: (change: { a?: string | undefined; b?: string | undefined; all?: boolean }) => void;
}

export function ComparePage({ a, b, all, onChange }: ComparePageProps) {
  const known = b ?? a;
  const second = useQuery({ ...runQuery(known ?? ""), enabled: known !== undefined });
  if (known === undefined) {
    return (
      <Page title="Compare runs">
        <div className="card">
          <EmptyState
            icon={ArrowLeftRight}
            title="No run chosen"
            action={
              <Link to="/runs" className="text-accent hover:underline">
                All runs
              </Link>
            }
          >
            Open a run and choose “Compare”.
          </EmptyState>
        </div>
      </Page>
    );
  }
  return (
    <Page title="Compare runs">
      <Loaded framed query={second} what="This run could not be loaded" skeleton={<CompareSkeleton />}>
        {(run) => <Pair a={b === undefined ? undefined : a} run={run} all={all} onChange={onChange} />}
      </Loaded>
    </Page>
  );
}

/** `run` is the later of the two; without `a` the one before it of its workflow is meant. */
function Pair({ a, run, all, onChange }: { run: Run } & Omit<ComparePageProps, "b">) {
  const list = useInfiniteQuery(runsQuery({ workflow: run.workflow }));
  const runs = list.data ?? [];
  const first = a ?? runs.find(({ number }) => number < run.number)?.id;
  const earlier = useQuery({ ...runQuery(first ?? ""), enabled: first !== undefined });
  const choice = (label: string, value: string | undefined, side: "a" | "b") => (
    <RunChoice
      label={label}
      value={value}
      runs={runs}
      shown={side === "a" ? earlier.data : run}
      onChange={(id) => onChange({ a: first, b: run.id, [side]: id })}
    />
  );
  return (
    <>
      <div className="grid items-end gap-2 md:grid-cols-[1fr_auto_1fr]">
        {choice("First run", first, "a")}
        <Button
          size="icon"
          aria-label="Swap the runs"
          title="Swap the runs"
          disabled={first === undefined}
          className="max-md:justify-self-center"
          onClick={() => onChange({ a: run.id, b: first })}
        >
          <ArrowLeftRight size={14} aria-hidden />
        </Button>
        {choice("Second run", run.id, "b")}
      </div>
      {first === undefined && !list.isPending ? (
        <div className="card">
          <EmptyState icon={ArrowLeftRight} title="Nothing to compare with">
            This is the first run of its workflow. Choose another run above.
          </EmptyState>
        </div>
      ) : (
        <Loaded
          framed
          query={earlier}
          what="The first run could not be loaded"
          skeleton={<CompareSkeleton />}
        >
          {(other) => (
            <>
              <RunsCompared a={other} b={run} />
              <InputsCompared a={other} b={run} />
              <ComparedSteps a={other} b={run} all={all} onAll={(on) => onChange({ all: on })} />
            </>
          )}
        </Loaded>
      )}
    </>
  );
}

interface RunChoiceProps {
  label: string;
  value: string | undefined;
  runs: readonly RunRow[];
  shown: Run | undefined;
  onChange: (id: string) => void;
}

function RunChoice({ label, value, runs, shown, onChange }: RunChoiceProps) {
  const isListed = value === undefined || runs.some(({ id }) => id === value);
  return (
    <Field label={label}>
      {(wiring) => (
        <Select {...wiring} value={value ?? ""} onChange={(event) => onChange(event.target.value)}>
          {value === undefined && <option value="">Choose a run</option>}
          {!isListed && <option value={value}>{shown ? nameOf(shown) : "Another run"}</option>}
          {runs.map((run) => (
            <option key={run.id} value={run.id}>
              {nameOf(run)}, {run.status}, {clockTime(Date.parse(run.created_at))}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

const nameOf = (run: Pick<Run, "workflow_name" | "number">): string =>
  visibleText(`${run.workflow_name} #${run.number}`);

function RunsCompared({ a, b }: { a: Run; b: Run }) {
  const rows: { name: string; of: (run: Run) => ReactNode; text: (run: Run) => unknown }[] = [
    { name: "Status", of: (run) => <StatusText status={run.status} />, text: (run) => run.status },
    {
      name: "Took",
      of: (run) =>
        run.started_at ? <Elapsed from={run.started_at} until={run.completed_at} /> : "Not started",
      text: (run) => run.id,
    },
    { name: "Version", of: (run) => run.version, text: (run) => run.version },
    { name: "Tokens", of: (run) => <TokenCount tokens={run.tokens} />, text: (run) => textOf(run.tokens) },
    {
      name: "Started by",
      of: (run) => visibleText(run.requested_by) || "The system",
      text: (run) => run.requested_by,
    },
    {
      name: "Asked",
      of: (run) => (
        <span title={absolute(run.created_at)}>
          <TimeAgo at={run.created_at} />
        </span>
      ),
      text: (run) => run.id,
    },
  ];
  return (
    <Card title="Runs" bodyClassName="overflow-x-auto p-0">
      <table className="w-full text-table">
        <thead>
          <tr className="text-left text-meta text-muted">
            <th scope="col" className="w-28 px-4 py-2 font-normal">
              <span className="sr-only">Fact</span>
            </th>
            {[a, b].map((run, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a run may be compared with itself
              <th key={index} scope="col" className="px-4 py-2">
                <Link to="/runs/$id" params={{ id: run.id }} className="text-accent hover:underline">
                  {nameOf(run)}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, of, text }) => (
            <tr key={name} className="border-t">
              <th scope="row" className="px-4 py-1.5 text-left font-normal text-muted">
                {name}
              </th>
              <td className="px-4 py-1.5 tnum">{of(a)}</td>
              <td className="px-4 py-1.5 tnum">
                <span
                  className={
                    text(a) !== text(b) && name !== "Took" && name !== "Asked" ? "font-semibold" : ""
                  }
                >
                  {of(b)}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function InputsCompared({ a, b }: { a: Run; b: Run }) {
  const [before, after] = [textOf(a.input), textOf(b.input)];
  return (
    <Card title="Input" note={before === after ? "the same" : "changed"}>
      {before === after ? (
        <p className="text-muted">Both runs were given the same input.</p>
      ) : (
        <TextDiff label="What differs in the input" before={before} after={after} />
      )}
    </Card>
  );
}

function CompareSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-3">
      <Skeleton className="h-60" />
      <Skeleton className="h-32" />
      <Skeleton className="h-80" />
    </div>
  );
}
