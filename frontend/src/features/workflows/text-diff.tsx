/** A unified diff: added and removed lines by their marks, their words for screen readers, and a tint. */
import { visibleText } from "@/lib/format";

interface Line {
  mark: "+" | "-" | " " | "@";
  text: string;
}

export function diffLines(text: string): Line[] {
  return text
    .replace(/\n$/, "")
    .split("\n")
    .filter((line, index) => !(index < 2 && /^(---|\+\+\+)/.test(line)))
    .map((line) => {
      if (line.startsWith("@@")) return { mark: "@", text: line };
      const mark = line.startsWith("+") ? "+" : line.startsWith("-") ? "-" : " ";
      return { mark, text: line.slice(1) };
    });
}

const LOOKS = {
  "+": { tone: "ok", sign: "+", word: "Added: ", tag: "ins" },
  "-": { tone: "err", sign: "−", word: "Removed: ", tag: "del" },
} as const;

export function TextDiff({ text, label }: { text: string; label: string }) {
  const lines = diffLines(text);
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      className="max-h-[420px] overflow-auto rounded-control border font-mono text-meta leading-[18px]"
    >
      <div className="w-max min-w-full py-1">
        {lines.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of a text have no other name
          <DiffLine key={index} line={line} />
        ))}
      </div>
    </section>
  );
}

function DiffLine({ line: { mark, text } }: { line: Line }) {
  if (mark === "@") return <div className="px-2 py-0.5 text-muted">{text}</div>;
  if (mark === " ") return <div className="whitespace-pre pr-2 pl-6">{visibleText(text) || " "}</div>;
  const { tone, sign, word, tag: Tag } = LOOKS[mark];
  return (
    <div data-tone={tone} className="tint whitespace-pre border-l-[3px] border-l-(--tone) pr-2">
      <span aria-hidden className="inline-block w-[21px] select-none text-center text-(--tone)">
        {sign}
      </span>
      <span className="sr-only">{word}</span>
      <Tag className="no-underline">{visibleText(text) || " "}</Tag>
    </div>
  );
}
