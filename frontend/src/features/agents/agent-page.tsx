/** One agent: what it does now, what it was asked before, what it can do and who it is. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pause, Play, Send } from "lucide-react";
import { useState } from "react";
import { DemoLabel, StatusChip, StatusText } from "@/components/status";
import { Signal } from "@/components/status/signal";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { toast } from "@/components/ui/toast";
import { CommandRunRows } from "@/components/work/command-run-rows";
import { Loaded } from "@/components/work/loaded";
import { NowWriting } from "@/components/work/now-writing";
import { SendCommand } from "@/components/work/send-command";
import { useCanOperate } from "@/hooks";
import { agentCommandRunsQuery, agentQuery, usePauseAgent } from "@/lib/api/agents";
import { messageOf } from "@/lib/api/errors";
import type { AgentDetail } from "@/lib/api/types";
import { visibleText, words } from "@/lib/format";
import { Activities } from "./activities";
import { AgentAbout } from "./agent-about";
import { presentWords } from "./select";

export function AgentPage({ id }: { id: string }) {
  const query = useQuery(agentQuery(id));
  const agent = query.data;
  return (
    <Page
      title={agent ? visibleText(agent.name) : "Agent"}
      heading={
        agent ? <Title agent={agent} /> : query.isPending ? <Skeleton className="h-7 w-64" /> : undefined
      }
      actions={agent && <Actions agent={agent} />}
    >
      <Loaded framed query={query} what="This agent could not be loaded" skeleton={<AgentSkeleton />}>
        {(loaded) => (
          <div className="grid min-w-0 items-start gap-3 lg:grid-cols-[minmax(0,8fr)_minmax(300px,4fr)]">
            <div className="flex min-w-0 flex-col gap-3">
              <Present agent={loaded} />
              {loaded.provenance && <Activities agent={loaded} />}
              <History id={loaded.id} />
            </div>
            <AgentAbout agent={loaded} />
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Title({ agent }: { agent: AgentDetail }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span className="text-h1">{visibleText(agent.name)}</span>
      <StatusChip status={agent.status} />
      {agent.demo && agent.connector === "llm" && <DemoLabel />}
      <span className="text-table font-normal text-muted">
        {words(agent.type)} · {agent.provenance ? "" : "active "}
        <Signal agent={agent} />
      </span>
    </span>
  );
}

function Actions({ agent }: { agent: AgentDetail }) {
  const [isSending, setSending] = useState(false);
  const pause = usePauseAgent(agent.id);
  const mayAct = useCanOperate();
  if (!mayAct) return null;
  function toggle() {
    pause.mutate(!agent.paused, { onError: (error) => toast({ level: "error", title: messageOf(error) }) });
  }
  return (
    <>
      <Button busy={pause.isPending} onClick={toggle}>
        {agent.paused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
        {agent.paused ? "Resume" : "Pause"}
      </Button>
      <Button variant="primary" onClick={() => setSending(true)}>
        <Send size={14} aria-hidden /> Send a command
      </Button>
      {isSending && <SendCommand open onOpenChange={setSending} agent={agent} />}
    </>
  );
}

function Present({ agent }: { agent: AgentDetail }) {
  const run = agent.current_command_run;
  return (
    <Card title="Now" bodyClassName="flex flex-col gap-3 p-4">
      {run ? (
        <>
          <p className="flex flex-wrap items-center gap-x-3">
            <Link
              to="/command-runs/$id"
              params={{ id: run.id }}
              className="font-semibold text-accent hover:underline"
            >
              {visibleText(run.title)}
            </Link>
            <StatusText status={run.status} />
          </p>
          <NowWriting
            progress={run.progress}
            message={run.message}
            text={run.text ?? ""}
            label="What this agent writes now"
          />
        </>
      ) : (
        <p
          data-tone={agent.status === "error" ? "err" : "off"}
          className={
            agent.status === "error"
              ? "border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2"
              : "text-muted"
          }
        >
          {visibleText(agent.status_reason || presentWords(agent))}
        </p>
      )}
    </Card>
  );
}

function History({ id }: { id: string }) {
  const query = useInfiniteQuery(agentCommandRunsQuery(id));
  return (
    <Card title="Command runs" bodyClassName="p-0">
      <Loaded query={query} what="The command runs could not be loaded">
        {(rows) =>
          rows.length > 0 ? (
            <CommandRunRows rows={rows} query={query} hideAgent />
          ) : (
            <EmptyState title="Nothing asked of it yet">
              Commands sent to this agent, and their results, are kept here.
            </EmptyState>
          )
        }
      </Loaded>
    </Card>
  );
}

function AgentSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading"
      className="grid gap-3 lg:grid-cols-[minmax(0,8fr)_minmax(300px,4fr)]"
    >
      <div className="flex flex-col gap-3">
        <Skeleton className="h-32" />
        <Skeleton className="h-96" />
      </div>
      <Skeleton className="h-96" />
    </div>
  );
}
