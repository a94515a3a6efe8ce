/** The schedules: when each fires next, what came of its last moment, and what one can do with it. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CalendarClock, History, ListChecks, Pencil, Play } from "lucide-react";
import { useState } from "react";
import { Button, buttonClass } from "@/components/ui/button";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Switch } from "@/components/ui/switch";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { NextTime } from "@/components/work/next-time";
import { messageOf } from "@/lib/api/errors";
import {
  type StartsFilter,
  schedulesQuery,
  useChangeSchedule,
  useDeleteSchedule,
  useRunSchedule,
} from "@/lib/api/schedules";
import type { Schedule } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { Moments } from "./moments";
import { Outcome } from "./outcome";
import { ScheduleDialog } from "./schedule-dialog";

interface ScheduleListProps {
  filter: StartsFilter;
  mayChange: boolean;
}

export function ScheduleList({ filter, mayChange }: ScheduleListProps) {
  const query = useInfiniteQuery(schedulesQuery(filter));
  return (
    <Loaded
      query={query}
      what="The schedules could not be loaded"
      skeleton={<SkeletonRows rows={4} className="h-20" />}
    >
      {(schedules) =>
        schedules.length > 0 ? (
          <>
            <ul aria-label="Schedules">
              {schedules.map((schedule) => (
                <Row key={schedule.id} schedule={schedule} mayChange={mayChange} />
              ))}
            </ul>
            <More query={query} />
          </>
        ) : (
          <EmptyState icon={CalendarClock} title="No schedules yet">
            A schedule starts runs of a workflow by the clock of any time zone, such as every weekday at nine.
          </EmptyState>
        )
      }
    </Loaded>
  );
}

function Row({ schedule, mayChange }: { schedule: Schedule; mayChange: boolean }) {
  const [open, setOpen] = useState<"change" | "moments" | null>(null);
  const name = visibleText(schedule.name);
  const close = () => setOpen(null);
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-t px-4 py-3 first:border-t-0">
      <Enabled schedule={schedule} mayChange={mayChange} />
      <div className="flex min-w-60 flex-1 flex-col gap-0.5">
        <h2 className="text-body font-semibold [overflow-wrap:anywhere]">{name}</h2>
        <p className="text-table text-muted">
          <Link
            to="/workflows/$slug"
            params={{ slug: schedule.workflow }}
            className="text-fg underline decoration-muted underline-offset-2 hover:decoration-fg"
          >
            {visibleText(schedule.workflow_name)}
          </Link>
          {" · "}
          <span title={schedule.cron}>{schedule.description}</span> · {schedule.time_zone}
        </p>
        {schedule.last_problem && (
          <p
            data-tone="err"
            className="mt-1 border-l-[3px] border-l-(--tone) bg-surface-2 px-2 py-1 text-table"
          >
            The last run could not start: {visibleText(schedule.last_problem)}
          </p>
        )}
      </div>
      <dl className="grid min-w-60 grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-table">
        <dt className="text-muted">Next</dt>
        <dd>
          {schedule.next_at ? (
            <NextTime at={schedule.next_at} zone={schedule.time_zone} />
          ) : (
            <span className="text-muted">{schedule.enabled ? "No further moment" : "Disabled"}</span>
          )}
        </dd>
        <dt className="text-muted">Last</dt>
        <dd>
          {schedule.last ? (
            <span className="flex flex-wrap items-center gap-x-2">
              <Outcome moment={schedule.last} />
              <TimeAgo at={schedule.last.scheduled_for} className="text-muted" />
            </span>
          ) : (
            <span className="text-muted">Never</span>
          )}
        </dd>
      </dl>
      <div className="flex flex-wrap items-center gap-1 max-md:w-full max-md:gap-x-0">
        {mayChange && <RunNow schedule={schedule} />}
        <Link
          to="/runs"
          search={{ schedule: schedule.id }}
          aria-label={`Runs of ${name}`}
          className={buttonClass("ghost", "sm")}
        >
          <ListChecks size={14} aria-hidden className="max-md:hidden" /> Runs
        </Link>
        <Button
          size="sm"
          variant="ghost"
          onClick={() => setOpen("moments")}
          aria-label={`Moments of ${name}`}
        >
          <History size={14} aria-hidden className="max-md:hidden" /> History
        </Button>
        {mayChange && (
          <>
            <Button size="sm" variant="ghost" onClick={() => setOpen("change")} aria-label={`Change ${name}`}>
              <Pencil size={14} aria-hidden className="max-md:hidden" /> Change
            </Button>
            <Delete schedule={schedule} />
          </>
        )}
      </div>
      {open === "change" && <ScheduleDialog schedule={schedule} onClose={close} />}
      {open === "moments" && <Moments schedule={schedule} onClose={close} />}
    </li>
  );
}

function Enabled({ schedule, mayChange }: { schedule: Schedule; mayChange: boolean }) {
  const change = useChangeSchedule(schedule.id);
  return (
    <Switch
      label={`${visibleText(schedule.name)} is ${schedule.enabled ? "enabled" : "disabled"}`}
      on={change.isPending ? (change.variables.enabled ?? schedule.enabled) : schedule.enabled}
      disabled={!mayChange || change.isPending}
      className="-ml-1"
      onChange={(enabled) =>
        change.mutate({ enabled }, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
      }
    />
  );
}

function RunNow({ schedule }: { schedule: Schedule }) {
  const navigate = useNavigate();
  const run = useRunSchedule(schedule.id);
  return (
    <Button
      size="sm"
      busy={run.isPending}
      aria-label={`Run ${visibleText(schedule.name)} now`}
      onClick={() =>
        run.mutate(undefined, {
          onSuccess: ({ id }) => void navigate({ to: "/runs/$id", params: { id } }),
          onError: (error) => toast({ level: "error", title: messageOf(error) }),
        })
      }
    >
      <Play size={14} aria-hidden className="max-md:hidden" /> {run.isPending ? "Starting…" : "Run now"}
    </Button>
  );
}

function Delete({ schedule }: { schedule: Schedule }) {
  const remove = useDeleteSchedule(schedule.id);
  return (
    <Confirm
      label="Delete"
      pendingLabel="Deleting…"
      keep="Keep it"
      title={`Delete ${visibleText(schedule.name)}?`}
      description="It starts no more runs. This cannot be undone."
      className="h-7 px-2.5 text-meta max-md:h-11"
      mutation={remove}
    >
      The runs it started stay. To stop it for a while, disable it instead.
    </Confirm>
  );
}
