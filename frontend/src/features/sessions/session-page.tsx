/** One session: what it used, who took part, and what was done in it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ActivityRows, KnownCost, SpanDialog } from "@/components/spans";
import { StatusText } from "@/components/status";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { TokenCount } from "@/components/work/tokens";
import { sessionQuery } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { count, visibleText } from "@/lib/format";
import { STATE } from "./state";

export function SessionPage({ id }: { id: string }) {
  const query = useQuery(sessionQuery(id));
  return (
    <Page title={`Session ${visibleText(id)}`}>
      <Loaded framed query={query} what="This session could not be loaded">
        {(session) => (
          <>
            <About session={session} />
            <Card title="Activities" bodyClassName="p-0">
              <ActivityRows activities={session.activities} ofSession />
              {session.more && (
                <p className="px-4 py-3 text-meta text-muted">
                  The newest {count(session.activities.length)} of {count(session.activity_count)} are shown.
                </p>
              )}
            </Card>
          </>
        )}
      </Loaded>
      <SpanDialog />
    </Page>
  );
}

function About({ session }: { session: Session }) {
  const { status, label } = STATE[session.status];
  return (
    <Card title="About" bodyClassName="p-4">
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 text-table md:grid-cols-4">
        <Fact name="Status">
          <StatusText status={status} label={label} />
        </Fact>
        <Fact name="Agents">
          {session.agents.map((agent) => (
            <Link
              key={agent.id}
              to="/agents/$id"
              params={{ id: agent.id }}
              className="mr-2 text-accent hover:underline"
            >
              {visibleText(agent.name)}
            </Link>
          ))}
        </Fact>
        <Fact name="Activities">
          {count(session.activity_count)}
          {session.errors > 0 && `, ${count(session.errors)} failed`}
        </Fact>
        <Fact name="Tokens">
          <TokenCount tokens={{ input: session.input_tokens, output: session.output_tokens }} />
        </Fact>
        <Fact name="Cost">
          <KnownCost of={session} />
        </Fact>
        <Fact name="First signal">
          <TimeAgo at={session.first_at} />
        </Fact>
        <Fact name="Last signal">
          <TimeAgo at={session.last_at} />
        </Fact>
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-meta text-muted">{name}</dt>
      <dd className="truncate">{children}</dd>
    </div>
  );
}
