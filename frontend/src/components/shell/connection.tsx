import { CircleCheck, CircleDashed, LoaderCircle, OctagonX } from "lucide-react";
import { useWebSocket } from "@/hooks";
import { absolute, clockTime, useNow } from "@/lib/time";

/** Whether what the screen shows is now: Connected, Reconnecting in N s, Stale since 12:03. */
export function ConnectionState() {
  const { phase, retryAt, staleSince, retryNow } = useWebSocket();
  const now = useNow(1000);
  if (phase === "live") {
    return (
      <span
        data-tone="ok"
        data-connection="live"
        className="inline-flex items-center gap-1.5 text-meta text-muted"
        title="Changes appear as they happen"
      >
        <CircleCheck size={14} aria-hidden="true" className="text-(--tone)" />
        <span>Connected</span>
      </span>
    );
  }
  if (phase === "denied") {
    return (
      <span data-tone="err" data-connection="denied" className="inline-flex items-center gap-1.5 text-meta">
        <OctagonX size={14} aria-hidden="true" className="text-(--tone)" />
        Live updates refused
      </span>
    );
  }
  if (staleSince === null) {
    return (
      <span
        data-tone="off"
        data-connection="connecting"
        className="inline-flex items-center gap-1.5 text-meta text-muted"
      >
        <CircleDashed size={14} aria-hidden="true" className="text-(--tone)" />
        Connecting
      </span>
    );
  }
  const wait = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <button
      type="button"
      onClick={retryNow}
      data-tone="warn"
      data-connection="stale"
      title={`Last update ${absolute(staleSince)}. Select to reconnect now.`}
      className="tint inline-flex h-7 items-center gap-1.5 rounded-pill px-2.5 text-meta max-md:h-11"
    >
      <LoaderCircle size={14} aria-hidden="true" className="text-(--tone)" />
      <span className="tnum">{wait > 0 ? `Reconnecting in ${wait} s` : "Reconnecting"}</span>
      <span className="tnum text-muted max-lg:hidden">Stale since {clockTime(staleSince)}</span>
    </button>
  );
}
