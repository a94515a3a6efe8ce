/** Says that something is held, by whom and since when. */
import { CirclePause } from "lucide-react";
import type { ReactNode } from "react";
import { Since } from "@/components/ui/time-ago";
import { visibleText } from "@/lib/format";

interface PausedNoteProps {
  /** "This workflow is paused". */
  what: string;
  by?: string | null | undefined;
  at?: string | null | undefined;
  children: ReactNode;
}

export function PausedNote({ what, by, at, children }: PausedNoteProps) {
  return (
    <p
      role="status"
      data-tone="hold"
      className="tint flex items-start gap-2 rounded-card border border-l-[3px] border-l-(--tone) px-3 py-2"
    >
      <CirclePause size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-(--tone)" />
      <span>
        <span className="font-semibold">{what.replace(/\.$/, "")}</span>
        {by && ` by ${visibleText(by)}`}
        {at && (
          <>
            {" "}
            <Since at={at} />
          </>
        )}
        . {children}
      </span>
    </p>
  );
}
