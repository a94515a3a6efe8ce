/** Says that somebody saved another version while this one was being written. */
import { Button } from "@/components/ui/button";
import { TimeAgo } from "@/components/ui/time-ago";
import type { Workflow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

interface OvertakenProps {
  workflow: Workflow;
  isDirty: boolean;
  onCompare: () => void;
  onLoad: () => void;
}

export function Overtaken({ workflow, isDirty, onCompare, onLoad }: OvertakenProps) {
  const { version, created_by, saved_at } = workflow;
  return (
    <div
      role="status"
      data-tone="warn"
      className="flex flex-wrap items-center gap-x-3 gap-y-1 border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2"
    >
      <span>
        {visibleText(created_by ?? "") || "Somebody"} saved version {version}{" "}
        <TimeAgo at={saved_at ?? null} />. {isDirty && "What you write is still here."}
      </span>
      <span className="ml-auto flex flex-wrap gap-2">
        {isDirty && (
          <Button size="sm" onClick={onCompare}>
            Compare with mine
          </Button>
        )}
        <Button size="sm" variant={isDirty ? "danger" : "secondary"} onClick={onLoad}>
          {isDirty ? "Drop mine and load it" : "Load it"}
        </Button>
      </span>
    </div>
  );
}
