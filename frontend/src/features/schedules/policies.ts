/** What the choices of a schedule mean, in one line each. */
import type { Misfire, Overlap } from "@/lib/api/types";

type Choice<Value> = { value: Value; label: string; hint: string };

export const overlaps: Choice<Overlap>[] = [
  { value: "skip", label: "Skip this time", hint: "Nothing is started; the next moment tries again." },
  { value: "allow", label: "Start another beside it", hint: "Runs may be open side by side." },
  { value: "queue", label: "Start when it is over", hint: "Moments wait in line, at most a hundred." },
  { value: "cancel", label: "Cancel it and start", hint: "Only the newest run matters." },
];

export const misfires: Choice<Misfire>[] = [
  { value: "once", label: "Run once for all of them", hint: "However many were missed, one run makes up." },
  { value: "skip", label: "Skip them", hint: "Only moments at most a minute late are run." },
  {
    value: "catch_up",
    label: "Run each of them",
    hint: "Oldest first, up to the number below; needs “Start another” or “when it is over”.",
  },
];

export const examples: { label: string; cron: string }[] = [
  { label: "Every hour", cron: "0 * * * *" },
  { label: "Daily at 9", cron: "0 9 * * *" },
  { label: "Weekdays at 9", cron: "0 9 * * MON-FRI" },
  { label: "Every 15 minutes", cron: "*/15 * * * *" },
  { label: "First of the month", cron: "0 6 1 * *" },
];
