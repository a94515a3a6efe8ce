/** What can be done with the chosen runs at once: how many, which verbs, and all that fit the filter. */
import { useQuery } from "@tanstack/react-query";
import { Ban, CircleFadingArrowUp, Pause, Play, Repeat2, RotateCcw, X } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import type { Selection } from "@/components/work/selection";
import { type BulkVerb, type Chosen, countMatching } from "@/lib/api/bulk";
import { keys } from "@/lib/api/keys";
import type { RunFilter } from "@/lib/api/runs";
import type { RunRow } from "@/lib/api/types";
import { count, plural } from "@/lib/format";
import { BulkDialog } from "./bulk-dialog";

const VERBS: { verb: BulkVerb; label: string; icon: typeof Pause }[] = [
  { verb: "pauses", label: "Pause", icon: Pause },
  { verb: "resumes", label: "Resume", icon: Play },
  { verb: "retries", label: "Retry", icon: RotateCcw },
  { verb: "reruns", label: "Run again", icon: Repeat2 },
  { verb: "priorities", label: "Priority…", icon: CircleFadingArrowUp },
  { verb: "cancellations", label: "Cancel", icon: Ban },
];
/** The server counts no further. */
const COUNTED = 10_000;

interface BulkBarProps {
  selection: Selection;
  filter: RunFilter;
  rows: readonly RunRow[];
}

export function BulkBar({ selection, filter, rows }: BulkBarProps) {
  const [isAll, setAll] = useState(false);
  const [verb, setVerb] = useState<BulkVerb | null>(null);
  const isShown = selection.ids.size > 0;
  const matching = useQuery({
    queryKey: keys.runs.matching(filter),
    queryFn: () => countMatching(filter),
    enabled: isShown,
  });
  const clear = () => {
    setAll(false);
    selection.clear();
  };
  useEscape(isShown && verb === null, clear);
  if (!isShown) return null;
  const total = matching.data;
  const said = total === undefined ? "" : total >= COUNTED ? `${count(COUNTED)} or more` : count(total);
  const chosen: Chosen = isAll ? { filter } : { ids: [...selection.ids] };
  return (
    <section
      aria-label="Chosen runs"
      className="popover sticky bottom-3 z-20 flex flex-wrap items-center gap-2 px-3 py-2 max-md:bottom-[calc(60px+env(safe-area-inset-bottom))]"
    >
      <p className="tnum text-table font-semibold" role="status">
        {isAll ? `All ${said} chosen` : `${plural(selection.ids.size, "run")} chosen`}
      </p>
      {total !== undefined && total > selection.ids.size && (
        <Button size="sm" variant="ghost" aria-pressed={isAll} onClick={() => setAll(!isAll)}>
          {isAll ? "Only those I chose" : `All ${said} that match`}
        </Button>
      )}
      <Button
        size="icon"
        variant="ghost"
        aria-label="Choose none"
        className="ml-auto md:order-last md:ml-0"
        onClick={clear}
      >
        <X size={16} aria-hidden />
      </Button>
      <div className="flex min-w-0 gap-1 overflow-x-auto p-0.5 max-md:basis-full md:ml-auto">
        {VERBS.map(({ verb: one, label, icon: Icon }) => (
          <Button
            key={one}
            size="sm"
            variant={one === "cancellations" ? "danger" : "secondary"}
            onClick={() => setVerb(one)}
          >
            <Icon size={14} aria-hidden />
            {label}
          </Button>
        ))}
      </div>
      {verb && (
        <BulkDialog
          verb={verb}
          chosen={chosen}
          rows={rows}
          onClose={(isDone) => {
            setVerb(null);
            if (isDone) clear();
          }}
        />
      )}
    </section>
  );
}

function useEscape(isOn: boolean, act: () => void) {
  useEffect(() => {
    if (!isOn) return;
    const listen = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) act();
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  });
}
