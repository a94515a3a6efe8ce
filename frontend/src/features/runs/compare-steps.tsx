/** The steps of two runs, row by row; a row opens what differs in its output. */
import { useMemo, useState } from "react";
import { StatusText, stepStatus } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Failure } from "@/components/work/failure";
import { TextDiff } from "@/components/work/text-diff";
import type { Run, Step } from "@/lib/api/types";
import { count, duration, plural, unknown, visibleText } from "@/lib/format";
import { type ComparedStep, compareSteps, textOf, tookSeconds } from "./compare";

interface ComparedStepsProps {
  a: Run;
  b: Run;
  /** Also those that are the same. */
  all: boolean;
  onAll: (all: boolean) => void;
}

/** A page of so many rows is still quick; the rest comes when asked for. */
const PAGE = 200;

export function ComparedSteps({ a, b, all, onAll }: ComparedStepsProps) {
  const [pages, setPages] = useState(1);
  const steps = useMemo(() => compareSteps(a, b), [a, b]);
  const different = steps.filter(({ isDifferent }) => isDifferent);
  const shown = all ? steps : different;
  return (
    <Card
      title="Steps"
      note={`${count(different.length)} of ${count(steps.length)} differ`}
      bodyClassName="p-0"
      actions={
        <label className="flex items-center gap-2 text-table max-md:min-h-11">
          <input
            type="checkbox"
            checked={!all}
            onChange={(event) => onAll(!event.target.checked)}
            className="size-4 accent-(--accent) max-md:size-5"
          />
          Only different
        </label>
      }
    >
      {shown.length === 0 ? (
        <p className="p-4 text-muted">Every step went the same way in both runs.</p>
      ) : (
        <ul aria-label="Steps of both runs" className="flex flex-col">
          {shown.slice(0, pages * PAGE).map((step) => (
            <li key={step.key} className="border-t first:border-t-0">
              <StepRow step={step} />
            </li>
          ))}
        </ul>
      )}
      {shown.length > pages * PAGE && (
        <div className="flex justify-center border-t p-2">
          <Button variant="ghost" onClick={() => setPages(pages + 1)}>
            Show more
          </Button>
        </div>
      )}
    </Card>
  );
}

function StepRow({ step }: { step: ComparedStep }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="grid min-h-11 w-full items-center gap-x-4 gap-y-1 px-4 py-2 text-left text-table -outline-offset-2 hover:bg-surface-2 md:grid-cols-[minmax(0,1.2fr)_minmax(0,1fr)_minmax(0,1fr)_200px]"
      >
        <span className="truncate font-semibold">{visibleText(step.name)}</span>
        <Side step={step.a} />
        <Side step={step.b} />
        <span className="text-meta text-muted tnum md:text-right">{said(step)}</span>
      </button>
      {isOpen && <Differences step={step} />}
    </>
  );
}

function Side({ step }: { step: Step | undefined }) {
  if (step === undefined) return <span className="text-meta text-muted">Not in this version</span>;
  const took = tookSeconds(step);
  return (
    <span className="flex min-w-0 flex-wrap items-center gap-x-3">
      <StatusText status={stepStatus(step)} />
      <span className="text-meta text-muted tnum">
        {took === null ? unknown : duration(took)}
        {step.attempt > 1 && `, ${plural(step.attempt, "attempt")}`}
      </span>
    </span>
  );
}

/** What differs, in a few words. */
function said({ slower, isOtherOutput, isDifferent, a, b }: ComparedStep): string {
  const parts: string[] = [];
  if (slower !== null && Math.abs(slower) >= 0.1)
    parts.push(`${duration(Math.abs(slower))} ${slower > 0 ? "slower" : "faster"}`);
  if (isOtherOutput && a && b) parts.push("other output");
  return parts.join(", ") || (isDifferent ? "" : "the same");
}

function Differences({ step }: { step: ComparedStep }) {
  const [before, after] = [textOf(step.a?.output), textOf(step.b?.output)];
  return (
    <div className="flex flex-col gap-3 px-4 pb-4">
      {step.a?.error && <Failure error={step.a.error} title="In the first run" />}
      {step.b?.error && <Failure error={step.b.error} title="In the second run" />}
      {before === after ? (
        <p className="text-muted">{before ? "The output is the same." : "Neither has an output."}</p>
      ) : (
        <TextDiff label={`What differs in the output of ${step.name}`} before={before} after={after} />
      )}
    </div>
  );
}
