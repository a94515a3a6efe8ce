/** What starts runs of one workflow by itself: its schedules with their next moment, and its triggers. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CalendarClock, Webhook } from "lucide-react";
import type { ReactNode } from "react";
import { Card } from "@/components/ui/card";
import { TimeAgo } from "@/components/ui/time-ago";
import { schedulesQuery } from "@/lib/api/schedules";
import { triggersQuery } from "@/lib/api/triggers";
import type { Schedule, Trigger } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { Loaded } from "./loaded";
import { NextTime } from "./next-time";

export function StartsOf({ slug }: { slug: string }) {
  const schedules = useInfiniteQuery(schedulesQuery({ workflow: slug }));
  const triggers = useInfiniteQuery(triggersQuery({ workflow: slug }));
  const all = (
    <Link
      to="/schedules"
      search={{ workflow: slug }}
      className="text-table underline-offset-2 hover:underline"
    >
      Schedules and triggers
    </Link>
  );
  return (
    <Card title="Starts by itself" actions={all} bodyClassName="p-0">
      <Loaded query={schedules} what="The schedules could not be loaded">
        {(rows) => (
          <>
            {rows.length === 0 && triggers.data?.length === 0 && (
              <p className="px-4 py-3 text-table text-muted">
                It does not: people and programs start its runs.
              </p>
            )}
            <ul aria-label="Schedules and triggers of this workflow" className="text-table">
              {rows.map((schedule) => (
                <ScheduleRow key={schedule.id} schedule={schedule} />
              ))}
              {triggers.data?.map((trigger) => (
                <TriggerRow key={trigger.id} trigger={trigger} />
              ))}
            </ul>
            {triggers.error && !triggers.data && (
              <p className="border-t px-4 py-2 text-table text-muted">The triggers could not be loaded.</p>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function ScheduleRow({ schedule }: { schedule: Schedule }) {
  const { next_at, time_zone, description, last_problem } = schedule;
  return (
    <Row
      icon={<CalendarClock size={14} aria-hidden className="mt-[3px] shrink-0 text-muted" />}
      row={schedule}
    >
      {last_problem ? (
        <span className="text-err">Could not start: {visibleText(last_problem)}</span>
      ) : next_at ? (
        <NextTime at={next_at} zone={time_zone} />
      ) : (
        <span className="text-muted">Disabled</span>
      )}
      <span className="block text-meta text-muted">
        {description}, {time_zone}
      </span>
    </Row>
  );
}

function TriggerRow({ trigger }: { trigger: Trigger }) {
  return (
    <Row icon={<Webhook size={14} aria-hidden className="mt-[3px] shrink-0 text-muted" />} row={trigger}>
      {!trigger.enabled ? (
        <span className="text-muted">Disabled</span>
      ) : trigger.last_at ? (
        <span className="text-muted">
          <TimeAgo at={trigger.last_at} />: {sentence(visibleText(trigger.last_result))}
        </span>
      ) : (
        <span className="text-muted">No signed request yet</span>
      )}
    </Row>
  );
}

function Row({ icon, row, children }: { icon: ReactNode; row: { name: string }; children: ReactNode }) {
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-0.5 border-t px-4 py-2 first:border-t-0">
      {icon}
      <span className="min-w-28 flex-1 font-semibold [overflow-wrap:anywhere]">{visibleText(row.name)}</span>
      <span className="min-w-52 flex-1">{children}</span>
    </li>
  );
}
