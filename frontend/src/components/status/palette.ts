/** Which word, tone and shape each status has. Colours live in styles/theme.css under the same tone names. */
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePause,
  Clock,
  Hand,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
  OctagonX,
  SkipForward,
  TimerOff,
  TriangleAlert,
} from "lucide-react";

export type Tone = "ok" | "run" | "warn" | "err" | "hold" | "off";
export type StatusLook = { label: string; tone: Tone; icon: LucideIcon };

const looks: Record<string, StatusLook> = {
  idle: { label: "Idle", tone: "ok", icon: CircleCheck },
  busy: { label: "Busy", tone: "run", icon: LoaderCircle },
  waiting: { label: "Waiting", tone: "hold", icon: Hourglass },
  paused: { label: "Paused", tone: "hold", icon: CirclePause },
  error: { label: "Error", tone: "err", icon: OctagonX },
  offline: { label: "Offline", tone: "off", icon: CircleDashed },
  pending: { label: "Pending", tone: "off", icon: CircleDashed },
  queued: { label: "Queued", tone: "off", icon: Clock },
  dispatched: { label: "Dispatched", tone: "run", icon: Clock },
  running: { label: "Running", tone: "run", icon: LoaderCircle },
  completed: { label: "Completed", tone: "ok", icon: CircleCheck },
  failed: { label: "Failed", tone: "err", icon: OctagonX },
  cancelled: { label: "Cancelled", tone: "off", icon: Ban },
  timed_out: { label: "Timed out", tone: "err", icon: TimerOff },
  skipped: { label: "Skipped", tone: "off", icon: SkipForward },
  retrying: { label: "Retrying", tone: "warn", icon: TriangleAlert },
  degraded: { label: "Degraded", tone: "warn", icon: TriangleAlert },
  healthy: { label: "Healthy", tone: "ok", icon: CircleCheck },
  unhealthy: { label: "Unhealthy", tone: "err", icon: OctagonX },
  approval: { label: "Waiting for approval", tone: "hold", icon: Hand },
  approved: { label: "Approved", tone: "ok", icon: CircleCheck },
  rejected: { label: "Rejected", tone: "err", icon: OctagonX },
  expired: { label: "Expired", tone: "off", icon: TimerOff },
  open: { label: "Open", tone: "warn", icon: TriangleAlert },
  acknowledged: { label: "Acknowledged", tone: "hold", icon: Hand },
  resolved: { label: "Resolved", tone: "ok", icon: CircleCheck },
  info: { label: "Info", tone: "run", icon: CircleHelp },
  warning: { label: "Warning", tone: "warn", icon: TriangleAlert },
  critical: { label: "Critical", tone: "err", icon: OctagonX },
};

export function lookOf(status: string): StatusLook {
  return looks[status] ?? { label: status || "Unknown", tone: "off", icon: CircleHelp };
}
export const knownStatuses = Object.keys(looks);

/** Needs attention first: the order of agents on the dashboard and of status filters. */
export const statusOrder = ["error", "offline", "waiting", "paused", "busy", "idle"];
