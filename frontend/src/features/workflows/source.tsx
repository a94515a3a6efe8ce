/** The YAML of a workflow as it was written, to be read. */
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { plural, visibleText } from "@/lib/format";

export function Source({ text, slug }: { text: string; slug: string }) {
  const [isOpen, setOpen] = useState(false);
  const lines = text.trimEnd().split("\n");
  return (
    <Card
      title="Source"
      note={`${slug}.yaml, ${plural(lines.length, "line")}`}
      bodyClassName="p-0"
      actions={
        <Button size="sm" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide" : "Show"}
        </Button>
      }
    >
      {isOpen && (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
          tabIndex={0}
          className="max-h-[560px] overflow-auto px-4 py-3 font-mono text-meta leading-[18px]"
        >
          {visibleText(text)}
        </pre>
      )}
    </Card>
  );
}
