import { duration } from "@/lib/format";
import { absolute, elapsedSeconds, type Instant, localTimes, relative, toMs, useNow } from "@/lib/time";

/** "12 s ago" with the absolute time as tooltip; all of them share one clock. */
export function TimeAgo({ at, className }: { at: Instant; className?: string }) {
  const now = useNow(1000);
  const ms = toMs(at);
  return (
    <time
      className={className}
      title={absolute(at)}
      dateTime={ms === null ? undefined : new Date(ms).toISOString()}
    >
      {relative(at, now)}
    </time>
  );
}

/** The clock time of something that lasts: "since 14:03:07", with the day when it was another. */
export function Since({ at }: { at: string }) {
  return (
    <time dateTime={at} title={absolute(at)} className="tnum whitespace-nowrap">
      since {localTimes(at)}
    </time>
  );
}

/** How long something ran, counting while `until` is null. */
export function Elapsed({ from, until, className }: { from: Instant; until: Instant; className?: string }) {
  return until ? (
    <span className={className}>{duration(elapsedSeconds(from, until, 0))}</span>
  ) : (
    <Ticking from={from} className={className} />
  );
}

function Ticking({ from, className }: { from: Instant; className?: string }) {
  const seconds = elapsedSeconds(from, null, useNow(1000));
  return <span className={className}>{duration(seconds === null ? null : Math.floor(seconds))}</span>;
}
