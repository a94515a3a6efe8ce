/** Times for people: relative on screen, absolute in the tooltip, always 24 h. */

export { useNow } from "./useNow";

const absoluteFormat = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
  timeZoneName: "short",
});
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const clockSecondsFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const dayFormat = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export type Instant = string | number | Date | null | undefined;
export function toMs(value: Instant): number | null {
  if (value === null || value === undefined || value === "") return null;
  const ms = value instanceof Date ? value.getTime() : typeof value === "number" ? value : Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}

export function absolute(value: Instant): string {
  const ms = toMs(value);
  return ms === null ? "unknown" : absoluteFormat.format(ms);
}
/** 14:03 */
export const clockTime = (ms: number): string => clockFormat.format(ms);
/** 14:03:07 */
export const clockTimeSeconds = (ms: number): string => clockSecondsFormat.format(ms);

const minuteFormat = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});
const sameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

/** The server's sentences name moments in UTC; people read the clock on their wall. */
export function localTimes(text: string, now: number = Date.now()): string {
  return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, (written) => {
    const ms = Date.parse(written);
    if (Number.isNaN(ms)) return written;
    return sameDay(ms, now) ? clockTimeSeconds(ms) : minuteFormat.format(ms);
  });
}

/** "now", "12 s ago", "3 m ago", "2 h ago", "4 d ago", then the date; "in 5 s" for the future. */
export function relative(value: Instant, now: number): string {
  const ms = toMs(value);
  if (ms === null) return "never";
  const seconds = Math.round((now - ms) / 1000);
  if (seconds < -2) return `in ${unit(-seconds)}`;
  if (seconds < 3) return "now";
  if (seconds >= 7 * 86_400) return dayFormat.format(ms);
  return `${unit(seconds)} ago`;
}

/** `relative` where the place is narrow: "12 s" for what was 12 seconds ago. */
export function age(value: Instant, now: number): string {
  return relative(value, now).replace(/ ago$/, "");
}

function unit(s: number): string {
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** Seconds between two instants; `until` defaults to now. */
export function elapsedSeconds(from: Instant, until: Instant, now: number): number | null {
  const start = toMs(from);
  if (start === null) return null;
  return Math.max(0, ((toMs(until) ?? now) - start) / 1000);
}
