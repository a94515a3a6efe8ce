/** What an agent was given or produced: text or JSON, cut when long, whole as a download. Never markup. */
import { Check, Copy, Download } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { count, visibleText, words } from "@/lib/format";
import { fileOf, isLong, MOST_SHOWN, type Part, partsOf } from "./text-of";

interface OutputProps {
  value: unknown;
  /** Name of the downloaded file, without its ending. */
  fileName: string;
  /** Said when there is nothing. */
  empty: string;
}

export function Output({ value, fileName, empty }: OutputProps) {
  const parts = partsOf(value);
  if (parts.length === 0) return <p className="text-table text-muted">{empty}</p>;
  return (
    <div className="flex flex-col gap-3">
      {parts.map((part) => (
        <PartView key={part.name} part={part} />
      ))}
      <div className="flex gap-1">
        <CopyButton value={value} />
        <Button size="sm" variant="ghost" onClick={() => download(value, fileName)}>
          <Download size={13} aria-hidden /> Download
        </Button>
      </div>
    </div>
  );
}

function PartView({ part }: { part: Part }) {
  const [isOpen, setOpen] = useState(false);
  const long = isLong(part.text);
  const text = part.text.slice(0, isOpen ? MOST_SHOWN : 4_000);
  return (
    <div className="min-w-0">
      {part.name && <h4 className="mb-0.5 text-meta text-muted">{words(part.name)}</h4>}
      <div className={long && !isOpen ? "fade-end max-h-64 overflow-hidden" : undefined}>
        <div
          className={
            part.isProse
              ? "text-body break-words whitespace-pre-wrap"
              : "rounded-control bg-surface-2 p-3 font-mono text-meta leading-[18px] break-words whitespace-pre-wrap"
          }
        >
          {visibleText(text)}
        </div>
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

function CopyButton({ value }: { value: unknown }) {
  const [done, setDone] = useState(false);
  // Only secure pages may write the clipboard; elsewhere the download has to do.
  if (!globalThis.navigator?.clipboard) return null;
  async function copy() {
    await navigator.clipboard.writeText(fileOf(value).text);
    setDone(true);
  }
  return (
    <Button size="sm" variant="ghost" onClick={() => void copy()} onBlur={() => setDone(false)}>
      {done ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />} {done ? "Copied" : "Copy"}
    </Button>
  );
}

function download(value: unknown, name: string) {
  const { text, extension } = fileOf(value);
  const url = URL.createObjectURL(
    new Blob([text], { type: extension === "json" ? "application/json" : "text/plain" }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${extension}`;
  link.click();
  URL.revokeObjectURL(url);
}
