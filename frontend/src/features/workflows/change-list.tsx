/** What changed between two versions, step for step and field for field. */
import { Chip } from "@/components/status";
import type { Difference, FieldChange } from "@/lib/api/types";
import { plural, visibleText } from "@/lib/format";
import { TextDiff } from "./text-diff";

const TONES = { added: "ok", removed: "err", changed: "run", reordered: "warn" } as const;
const LONGEST = 120;

export function ChangeList({ difference }: { difference: Difference }) {
  const { changes, steps } = difference;
  if (changes.length === 0 && steps.length === 0) {
    return (
      <p className="text-muted">
        They mean the same{difference.text_only ? ": only comments or the layout differ" : ""}.
      </p>
    );
  }
  return (
    <ul aria-label="Changes" className="flex flex-col gap-2">
      {changes.map((change) => (
        <li key={`${change.path} ${change.kind}`}>
          <Field change={change} />
        </li>
      ))}
      {steps.map((step) => (
        <li key={`${step.key} ${step.kind}`} className="flex flex-col gap-1">
          <p className="flex flex-wrap items-center gap-2">
            <Chip tone={TONES[step.kind]}>{step.kind}</Chip>
            <span className="font-semibold">{visibleText(step.name)}</span>
            <code className="font-mono text-meta text-muted">{step.key}</code>
          </p>
          {step.changes.length > 0 && (
            <ul className="flex flex-col gap-1 border-l pl-3">
              {step.changes.map((change) => (
                <li key={`${change.path} ${change.kind}`}>
                  <Field change={change} />
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}

function Field({ change: { path, kind, before, after } }: { change: FieldChange }) {
  return (
    <div className="flex min-w-0 flex-wrap items-baseline gap-x-2 gap-y-1 text-table">
      <Chip tone={TONES[kind]}>{kind}</Chip>
      <code className="font-mono text-meta">{path}</code>
      {kind !== "added" && (
        <del className="min-w-0 break-words font-mono text-meta text-muted">{shown(before)}</del>
      )}
      {(kind === "changed" || kind === "reordered") && <span aria-hidden>→</span>}
      {kind !== "removed" && (
        <ins className="min-w-0 break-words font-mono text-meta no-underline">{shown(after)}</ins>
      )}
    </div>
  );
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return visibleText(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}

/** "2 steps changed, 1 added": what changed, in one line. */
export function changeNote({ changes, steps, text_only }: Difference): string {
  const parts = (["changed", "added", "removed"] as const).flatMap((kind) => {
    const number = steps.filter((step) => step.kind === kind).length;
    return number > 0 ? [`${plural(number, "step")} ${kind}`] : [];
  });
  if (changes.length > 0) parts.push(`${plural(changes.length, "field")} of the workflow`);
  return parts.join(", ") || (text_only ? "Comments or layout only" : "The same text");
}

/** The changes by meaning, and below them the text. */
export function DifferenceView({ difference, label }: { difference: Difference; label: string }) {
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <ChangeList difference={difference} />
      {difference.text ? (
        <TextDiff text={difference.text} label={label} />
      ) : (
        difference.text === null && (
          <p className="text-muted">The texts are too long to be compared line by line.</p>
        )
      )}
    </div>
  );
}
