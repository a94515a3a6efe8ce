import type { SessionRow } from "@/lib/api/types";

/** A session's states by the words and tones of command runs. */
export const STATE = {
  open: { status: "running", label: "Going on" },
  ended: { status: "completed", label: "Ended" },
  unknown: { status: "offline", label: "Not heard of any more" },
} as const satisfies Record<SessionRow["status"], { status: string; label: string }>;
