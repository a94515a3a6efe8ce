/** Conversations of agents, as their telemetry tells them: the newest signal first. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { MessagesSquare, SearchX } from "lucide-react";
import { useDeferredValue } from "react";
import { KnownCost } from "@/components/spans";
import { StatusText } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { Page } from "@/components/ui/page";
import { EmptyState } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { TokenCount } from "@/components/work/tokens";
import { useAgentStatus } from "@/hooks";
import { type SessionFilter, sessionsQuery } from "@/lib/api/sessions";
import type { SessionRow } from "@/lib/api/types";
import { plural, visibleText } from "@/lib/format";
import { STATE } from "./state";

interface SessionsPageProps {
  search: SessionFilter;
  onSearch: (search: SessionFilter) => void;
}

export function SessionsPage({ search, onSearch }: SessionsPageProps) {
  const q = useDeferredValue(search.q);
  const query = useInfiniteQuery(sessionsQuery({ agent: search.agent, q }));
  const isFiltered = Boolean(search.agent || search.q);
  return (
    <Page title="Sessions">
      <Toolbar search={search} onSearch={onSearch} />
      <Loaded framed query={query} what="The sessions could not be loaded">
        {(found) => (
          <section aria-label="Sessions" className="card">
            {found.length > 0 ? (
              <ul aria-label="Sessions">
                {found.map((row) => (
                  <Row key={row.id} session={row} />
                ))}
              </ul>
            ) : (
              <NoSessions isFiltered={isFiltered} onClear={() => onSearch({})} />
            )}
            <More query={query} />
          </section>
        )}
      </Loaded>
    </Page>
  );
}

function Toolbar({ search, onSearch }: SessionsPageProps) {
  const agents = useAgentStatus().data ?? [];
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Input
        type="search"
        aria-label="Search sessions"
        placeholder="Session or agent"
        defaultValue={search.q ?? ""}
        onChange={(event) => onSearch({ ...search, q: event.target.value || undefined })}
        className="w-full sm:w-72"
      />
      <Select
        aria-label="Agent"
        value={search.agent ?? ""}
        onChange={(event) => onSearch({ ...search, agent: event.target.value || undefined })}
        className="w-full sm:w-56"
      >
        <option value="">All agents</option>
        {agents.map((agent) => (
          <option key={agent.id} value={agent.id}>
            {visibleText(agent.name)}
          </option>
        ))}
      </Select>
    </div>
  );
}

function Row({ session }: { session: SessionRow }) {
  const { status, label } = STATE[session.status];
  const names = session.agents.map(({ name }) => visibleText(name)).join(", ");
  return (
    <li className="border-b last:border-b-0">
      <Link
        to="/sessions/$id"
        params={{ id: session.id }}
        className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-table hover:bg-surface-2"
      >
        <span className="flex min-w-0 flex-1 basis-56 flex-col">
          <span className="truncate font-semibold">{visibleText(session.id)}</span>
          <span className="truncate text-meta text-muted">{names}</span>
        </span>
        <StatusText status={status} label={label} />
        <span className="text-muted">{plural(session.activities, "activity", "activities")}</span>
        {session.errors > 0 && <StatusText status="failed" label={`${session.errors} failed`} />}
        <TokenCount tokens={{ input: session.input_tokens, output: session.output_tokens }} />
        <KnownCost of={session} />
        <TimeAgo at={session.last_at} className="text-muted" />
      </Link>
    </li>
  );
}

function NoSessions({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  return isFiltered ? (
    <EmptyState icon={SearchX} title="No session fits" action={<Button onClick={onClear}>Show all</Button>} />
  ) : (
    <EmptyState
      icon={MessagesSquare}
      title="No sessions yet"
      action={
        <Link to="/connect" className={buttonClass()}>
          Connect an agent
        </Link>
      }
    >
      A session is there once an agent's telemetry names one: a conversation, or a session of its program.
    </EmptyState>
  );
}
