/** The graph of the text as it is, or, dimmed, of the last text that was a workflow. */
import { Dag } from "@/components/dag";
import { doerOf } from "@/components/status";
import { Card } from "@/components/ui/card";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { cx } from "@/lib/cx";
import { visibleText } from "@/lib/format";
import type { Checked } from "./use-validation";

interface PreviewProps {
  checked: Checked;
  selected: string | null;
  onSelect: (key: string | null) => void;
}

const SIZE = "h-full md:min-h-72";

export function Preview({ checked, selected, onSelect }: PreviewProps) {
  const { last, isCurrent, text, problems } = checked;
  if (!last) {
    return (
      <Card title="Graph" className={SIZE}>
        {text === null ? (
          <Skeleton className="h-40" />
        ) : (
          <EmptyState title="No graph yet">It is drawn as soon as the text is a workflow.</EmptyState>
        )}
      </Card>
    );
  }
  const steps = last.steps.map(({ key, name, needs, kind, ...step }) => ({
    key,
    name,
    needs,
    kind,
    who: doerOf({ kind, ...step }),
  }));
  return (
    <div className="flex h-full min-h-0 flex-col gap-2">
      {!isCurrent && problems[0] && (
        <p data-tone="warn" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-1.5 text-meta">
          This is how it was before{problems[0].line ? ` line ${problems[0].line}` : " the text"} broke:{" "}
          {visibleText(problems[0].message)}.
        </p>
      )}
      <div
        data-stale={!isCurrent || undefined}
        className={cx(
          "flex min-h-0 flex-1 flex-col transition-opacity",
          !isCurrent && "opacity-75 grayscale",
        )}
      >
        <Dag
          title="Graph"
          label="Steps of this text"
          steps={steps}
          selected={selected}
          onSelect={onSelect}
          className="flex-1"
        />
      </div>
    </div>
  );
}
