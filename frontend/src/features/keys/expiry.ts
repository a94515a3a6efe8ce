/** The end of a key, between the server's moments and the browser's local date fields. */
const DAY = 86_400_000;

export const LIFETIMES = [
  { value: "", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

/** Days from now as a moment; none for "never". */
export const inDays = (days: string, now = Date.now()): string | null =>
  days === "" ? null : new Date(now + Number(days) * DAY).toISOString();

/** A moment as `datetime-local` wants it, in the browser's own time. */
export function toLocal(moment: string | null): string {
  if (moment === null) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocal = (value: string): string | null =>
  value === "" ? null : new Date(value).toISOString();
