/** Over every page while the project is held: who did it, since when, and the way out. */
import { OctagonPause } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Since } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { useCanOperate, usePause } from "@/hooks";
import { usePauseProject } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";
import { visibleText } from "@/lib/format";

export function PausedBanner() {
  const pause = usePause();
  if (!pause?.paused) return null;
  return (
    <section
      aria-label="Everything is paused"
      data-tone="hold"
      className="tint sticky top-12 z-20 flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-l-[3px] border-l-(--tone) px-4 py-2 md:px-6"
    >
      <OctagonPause size={16} aria-hidden="true" className="shrink-0 text-(--tone)" />
      <p role="status" className="min-w-0 flex-1">
        <span className="font-semibold">Everything is paused</span>
        {pause.by && ` by ${visibleText(pause.by)}`}
        {pause.at && (
          <>
            {" "}
            <Since at={pause.at} />
          </>
        )}
        <span className="text-muted max-md:hidden">. Running work is finished; nothing new starts.</span>
      </p>
      <Resume />
    </section>
  );
}

function Resume() {
  const resume = usePauseProject();
  const mayResume = useCanOperate();
  if (!mayResume) return null;
  return (
    <Button
      busy={resume.isPending}
      onClick={() =>
        resume.mutate(false, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
      }
    >
      {resume.isPending ? "Resuming…" : "Resume"}
    </Button>
  );
}
