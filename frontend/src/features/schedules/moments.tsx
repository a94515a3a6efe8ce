/** The moments of one schedule, newest first, and what came of each. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { momentsQuery } from "@/lib/api/schedules";
import type { Schedule } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { clockIn } from "@/lib/time/zones";
import { Outcome } from "./outcome";

export function Moments({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const query = useInfiniteQuery(momentsQuery(schedule.id));
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={`Moments of ${visibleText(schedule.name)}`}
      description={`By the clock of ${schedule.time_zone}. The newest thousand are kept.`}
    >
      <Loaded query={query} what="The moments could not be loaded" skeleton={<SkeletonRows rows={6} />}>
        {(moments) =>
          moments.length > 0 ? (
            <div className="-m-4">
              <ul aria-label="Moments">
                {moments.map((moment) => (
                  <li
                    key={moment.scheduled_for}
                    className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-2 text-table last:border-b-0"
                  >
                    <span className="tnum min-w-36" title={absolute(moment.scheduled_for)}>
                      {clockIn(schedule.time_zone, moment.scheduled_for)}
                    </span>
                    <Outcome moment={moment} />
                    {moment.detail && (
                      <span className="min-w-0 text-muted [overflow-wrap:anywhere]">
                        {visibleText(moment.detail)}
                      </span>
                    )}
                    <TimeAgo at={moment.scheduled_for} className="ml-auto text-meta text-muted" />
                  </li>
                ))}
              </ul>
              <More query={query} />
            </div>
          ) : (
            <EmptyState title="No moments yet">Each moment and what came of it is kept here.</EmptyState>
          )
        }
      </Loaded>
    </Dialog>
  );
}
