/** What is wrong with the text, line by line; a press leads to the line. */
import { CircleCheck, OctagonX } from "lucide-react";
import { Card } from "@/components/ui/card";
import { messageOf } from "@/lib/api/errors";
import type { DefinitionProblem } from "@/lib/api/types";
import { plural, visibleText } from "@/lib/format";
import type { Place } from "./code-editor";
import type { Checked } from "./use-validation";

/** The server tells no more of them at once. */
const MOST = 100;

export function ProblemList({ checked, onGo }: { checked: Checked; onGo: (place: Place) => void }) {
  const { problems } = checked;
  return (
    <Card title="Problems" bodyClassName="p-0 max-h-64 overflow-y-auto">
      <p role="status" className="flex items-center gap-2 px-4 py-2 text-table text-muted">
        <Summary checked={checked} />
      </p>
      {problems.length > 0 && (
        <ol aria-label="Problems">
          {problems.map((problem) => (
            <li
              key={`${problem.line} ${problem.column} ${problem.path} ${problem.message}`}
              className="border-t"
            >
              <Problem problem={problem} onGo={onGo} />
            </li>
          ))}
        </ol>
      )}
      {problems.length >= MOST && (
        <p className="border-t px-4 py-2 text-meta text-muted">
          These are the first {MOST}. Mend them to see the others.
        </p>
      )}
    </Card>
  );
}

function Problem({ problem, onGo }: { problem: DefinitionProblem; onGo: (place: Place) => void }) {
  const { line, column, path, message } = problem;
  return (
    <button
      type="button"
      data-tone="err"
      onClick={() => onGo({ line: line ?? 1, column })}
      className="flex min-h-8 w-full items-baseline gap-3 border-l-[3px] border-l-(--tone) px-3 py-1.5 text-left text-table hover:bg-surface-2 max-md:min-h-11"
    >
      <span className="w-14 shrink-0 text-muted tnum">{line ? `Line ${line}` : "Text"}</span>
      <span className="min-w-0 flex-1 break-words">
        {path && <code className="mr-2 font-mono text-meta text-muted">{visibleText(path)}</code>}
        {visibleText(message)}
      </span>
    </button>
  );
}

function Summary({ checked: { state, text, problems, error } }: { checked: Checked }) {
  if (state === "failed") return <>Could not be checked. {error && messageOf(error)}</>;
  if (text === null) return <>Checking…</>;
  if (problems.length === 0) {
    return (
      <>
        <CircleCheck size={14} aria-hidden className="text-ok" /> No problems
      </>
    );
  }
  return (
    <>
      <OctagonX size={14} aria-hidden className="text-err" /> {plural(problems.length, "problem")}
    </>
  );
}
