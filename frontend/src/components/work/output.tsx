/** What an agent was given or produced: text or JSON, cut when long, whole as a download. Never markup. */
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { UntrustedText } from "@/components/ui/untrusted";
import { count, words } from "@/lib/format";
import { Prose } from "./prose";
import { isLong, MOST_SHOWN, type Part, partsOf } from "./text-of";

interface OutputProps {
  value: unknown;
  /** Shown as it was typed, not as markdown: what people and programs put in. */
  plain?: boolean;
  /** Said when there is nothing. */
  empty: string;
}

export function Output({ value, empty, plain = false }: OutputProps) {
  const parts = partsOf(value);
  if (parts.length === 0) return <p className="text-table text-muted">{empty}</p>;
  return (
    <div className="flex flex-col gap-3">
      {parts.map((part) => (
        <PartView key={part.name} part={part} plain={plain} />
      ))}
    </div>
  );
}

function PartView({ part, plain }: { part: Part; plain: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const long = isLong(part.text);
  const text = part.text.slice(0, isOpen ? MOST_SHOWN : 4_000);
  return (
    <div className="min-w-0">
      {part.name && <p className="mb-0.5 text-meta text-muted">{words(part.name)}</p>}
      <div className={long && !isOpen ? "max-h-64 overflow-hidden mask-b-from-60%" : undefined}>
        <PartText isProse={part.isProse} text={text} plain={plain} />
      </div>
      {isOpen && part.text.length > MOST_SHOWN && (
        <p className="text-meta text-muted">
          The first {count(MOST_SHOWN)} characters. Download to read the rest.
        </p>
      )}
      {long && (
        <Button
          size="sm"
          variant="ghost"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          className="-ml-2.5"
        >
          {isOpen ? "Show less" : `Show all (${count(part.text.length)} characters)`}
        </Button>
      )}
    </div>
  );
}

function PartText({ isProse, text, plain }: { isProse: boolean; text: string; plain: boolean }) {
  if (isProse) return plain ? <UntrustedText text={text} className="text-body" /> : <Prose text={text} />;
  const block = "rounded-control bg-surface-2 p-3 font-mono text-meta leading-[18px]";
  return <UntrustedText text={text} className={block} />;
}
