/** Takes a value away whole: to the clipboard or as a file. */
import { Check, Copy, Download } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { saveFile } from "./file";
import { fileOf, partsOf } from "./text-of";

interface OutputActionsProps {
  value: unknown;
  /** What the value is, for the labels: "output". */
  name: string;
  /** Of the downloaded file, without its ending. */
  fileName: string;
}

export function OutputActions({ value, name, fileName }: OutputActionsProps) {
  const [isCopied, setCopied] = useState(false);
  if (partsOf(value).length === 0) return null;
  async function copy() {
    await navigator.clipboard.writeText(fileOf(value).text);
    setCopied(true);
  }
  return (
    <div className="-my-1.5 -mr-2 flex">
      {/* Only secure pages may write the clipboard; elsewhere the download has to do. */}
      {globalThis.navigator?.clipboard && (
        <Button
          size="icon"
          variant="ghost"
          className="text-muted"
          title={isCopied ? "Copied" : "Copy"}
          aria-label={isCopied ? `Copied the ${name}` : `Copy the ${name}`}
          onClick={() => void copy()}
          onBlur={() => setCopied(false)}
        >
          {isCopied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
        </Button>
      )}
      <Button
        size="icon"
        variant="ghost"
        className="text-muted"
        title="Download"
        aria-label={`Download the ${name}`}
        onClick={() => download(value, fileName)}
      >
        <Download size={14} aria-hidden />
      </Button>
    </div>
  );
}

function download(value: unknown, name: string) {
  const { text, extension } = fileOf(value);
  saveFile(text, `${name}.${extension}`, extension === "json" ? "application/json" : "text/plain");
}
