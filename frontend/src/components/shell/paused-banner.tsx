/** Over every page while the project is held: who did it, since when, and the way out. */
import { OctagonPause } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { Button } from "@/components/ui/button";
import { Since } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { useCanOperate, usePause } from "@/hooks";
import { usePauseProject } from "@/lib/api/control";
import { messageOf } from "@/lib/api/errors";
import type { Pause } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

export function PausedBanner() {
  const pause = usePause();
  return pause?.paused ? <Banner pause={pause} /> : null;
}

/** What sticks to the top of a page stands below the banner: `--banner` is its height while it is there. */
function useHeightTold(banner: React.RefObject<HTMLElement | null>) {
  useLayoutEffect(() => {
    const element = banner.current;
    if (!element) return;
    const root = document.documentElement.style;
    const observer = new ResizeObserver(() => root.setProperty("--banner", `${element.offsetHeight}px`));
    observer.observe(element);
    return () => {
      observer.disconnect();
      root.removeProperty("--banner");
    };
  }, [banner]);
}

function Banner({ pause }: { pause: Pause }) {
  const banner = useRef<HTMLElement>(null);
  useHeightTold(banner);
  return (
    <section
      ref={banner}
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
