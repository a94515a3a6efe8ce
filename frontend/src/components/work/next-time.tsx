/** When something happens next: how long until then, counting, and the clock of its time zone. */
import { duration } from "@/lib/format";
import { absolute, toMs, useNow } from "@/lib/time";
import { clockIn } from "@/lib/time/zones";

export function NextTime({ at, zone }: { at: string; zone: string }) {
  return (
    <time dateTime={at} title={absolute(at)} className="tnum">
      <span className="whitespace-nowrap">
        <Countdown at={at} />
      </span>{" "}
      <span className="whitespace-nowrap text-muted">{clockIn(zone, at)}</span>
    </time>
  );
}

/** "in 4 min 30 s", or "due now". */
export function Countdown({ at }: { at: string }) {
  const seconds = Math.ceil(((toMs(at) ?? 0) - useNow(1000)) / 1000);
  return <>{seconds > 0 ? `in ${duration(seconds)}` : "due now"}</>;
}
