/** Waits for the first use of the key that was made, and names the agents that came with it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { StatusText } from "@/components/status";
import { TimeAgo } from "@/components/ui/time-ago";
import { useAgentStatus } from "@/hooks";
import { apiKeyQuery } from "@/lib/api/api-keys";
import { messageOf } from "@/lib/api/errors";
import type { ApiKeyDetail, NewApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

const ASK_EVERY_MS = 2_000;

export function Signal({ made }: { made: NewApiKey | null }) {
  return (
    <div aria-live="polite">
      {made ? (
        <Waiting id={made.id} />
      ) : (
        <p className="text-table text-muted">Make a key, and this place turns green when it is first used.</p>
      )}
    </div>
  );
}

function Waiting({ id }: { id: string }) {
  const first = useQuery(apiKeyQuery(id));
  const hasJoined = (first.data?.agents.length ?? 0) > 0;
  // The same query: what agents do refreshes it live, and until one is there it is asked again too.
  const { data: key, error } = useQuery(apiKeyQuery(id, hasJoined ? false : ASK_EVERY_MS));
  if (key && key.agents.length > 0) return <Joined agents={key.agents} usedAt={key.last_used_at} />;
  if (key?.state === "revoked" || key?.state === "expired")
    return <p className="text-table text-err">The key works no more: it was revoked or has expired.</p>;
  if (key?.last_used_at)
    return (
      <p data-tone="warn" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2 text-table">
        The key was used <TimeAgo at={key.last_used_at} />, but no agent came with it yet. If it stays so,
        look at what your program was answered.
      </p>
    );
  return (
    <div className="flex flex-col gap-1">
      <StatusText status="queued" label="Waiting for the first signal" />
      {error && <p className="text-table text-err">{messageOf(error)}</p>}
    </div>
  );
}

type Joining = Pick<ApiKeyDetail, "agents">["agents"];

function Joined({ agents, usedAt }: { agents: Joining; usedAt: string | null }) {
  const known = new Map((useAgentStatus().data ?? []).map((agent) => [agent.id, agent]));
  return (
    <div data-tone="ok" data-joined className="rounded-control border border-(--tone) bg-surface-2 p-3">
      <p className="flex items-center gap-2 font-semibold text-(--tone)">
        <CircleCheck size={18} aria-hidden />
        {agents.length === 1 ? "Your agent is here" : `${agents.length} agents are here`}
      </p>
      <ul className="mt-2 flex flex-col gap-1">
        {agents.map(({ id, name }) => (
          <li key={id} className="flex flex-wrap items-center gap-x-3">
            <Link to="/agents/$id" params={{ id }} className="font-semibold text-accent underline">
              {visibleText(name)}
            </Link>
            {known.get(id) && <StatusText status={known.get(id)?.status ?? ""} />}
            {usedAt && <TimeAgo at={usedAt} className="text-meta text-muted" />}
          </li>
        ))}
      </ul>
    </div>
  );
}
