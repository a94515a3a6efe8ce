/** Two texts as one, with the lines that only one of them has marked by sign, colour and word. */
import { useMemo } from "react";
import { cx } from "@/lib/cx";
import { type DiffLine, diffLines, withContext } from "@/lib/diff";
import { count, visibleText } from "@/lib/format";

interface TextDiffProps {
  label: string;
  before: string;
  after: string;
}

const MOST_SHOWN = 500;
const MARKS: { [Kind in DiffLine["kind"]]: { sign: string; word: string; tone: string } } = {
  same: { sign: " ", word: "", tone: "off" },
  added: { sign: "+", word: "Added: ", tone: "ok" },
  removed: { sign: "−", word: "Removed: ", tone: "err" },
};

export function TextDiff({ label, before, after }: TextDiffProps) {
  const lines = useMemo(() => withContext(diffLines(before, after)), [before, after]);
  const rest = lines.length - MOST_SHOWN;
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      className="max-h-96 overflow-auto rounded-control bg-surface-2 py-2 font-mono text-meta leading-[18px]"
    >
      {lines.slice(0, MOST_SHOWN).map((line, index) =>
        line === null ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text have no other name
          <p key={index} className="px-3 text-muted">
            …
          </p>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text have no other name
          <Line key={index} line={line} />
        ),
      )}
      {rest > 0 && <p className="px-3 text-muted">And {count(rest)} more lines.</p>}
    </section>
  );
}

function Line({ line: { kind, text } }: { line: DiffLine }) {
  const { sign, word, tone } = MARKS[kind];
  return (
    <p
      data-tone={tone}
      className={cx("flex gap-2 px-3 break-words whitespace-pre-wrap", kind !== "same" && "tint")}
    >
      <span aria-hidden className="w-3 shrink-0 text-(--tone) select-none">
        {sign}
      </span>
      <span className="min-w-0">
        {word && <span className="sr-only">{word}</span>}
        {visibleText(text)}
      </span>
    </p>
  );
}
