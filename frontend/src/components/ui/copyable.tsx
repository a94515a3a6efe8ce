/** A text to take along, with a button that copies it where the page may write the clipboard. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/lib/cx";

interface CopyableProps {
  /** What the text is: "secret". */
  name: string;
  text: string;
  className?: string;
}

export function Copyable({ name, text, className }: CopyableProps) {
  const [isCopied, setCopied] = useState(false);
  return (
    <div className={cx("relative min-w-0 rounded-control bg-surface-2", className)}>
      <pre className="p-2 pr-11 font-mono text-meta whitespace-pre-wrap [overflow-wrap:anywhere]">{text}</pre>
      {globalThis.navigator?.clipboard && (
        <Button
          size="icon"
          variant="ghost"
          className="absolute top-0 right-0 max-md:size-9"
          aria-label={isCopied ? `Copied the ${name.toLowerCase()}` : `Copy the ${name.toLowerCase()}`}
          onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
          onBlur={() => setCopied(false)}
        >
          {isCopied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
        </Button>
      )}
    </div>
  );
}
