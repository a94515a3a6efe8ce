/** Who an agent is: how work reaches it, which model it uses, what it can do and what it was told. */
import { Link } from "@tanstack/react-router";
import { KNOWN_BY } from "@/components/status/signal";
import { Card } from "@/components/ui/card";
import { TimeAgo } from "@/components/ui/time-ago";
import { Fact, Facts } from "@/components/work/facts";
import { Output } from "@/components/work/output";
import { OutputActions } from "@/components/work/output-actions";
import { Section } from "@/components/work/section";
import type { AgentDetail } from "@/lib/api/types";
import { count, tokens, visibleText } from "@/lib/format";
import { EndpointSection } from "./endpoint-section";

const CONNECTORS: Record<string, string> = {
  llm: "llm: the server calls a model for it",
  http: "http: the server calls its endpoint",
  pull: "pull: it asks the server for work",
};

export function AgentAbout({ agent }: { agent: AgentDetail }) {
  return (
    <Card title="About" bodyClassName="flex flex-col">
      <div className="flex flex-col gap-3 px-4 py-3">
        {agent.description && <p>{visibleText(agent.description)}</p>}
        <Facts columns={2}>
          <Fact name="Completed, 24 h">{count(agent.counts.completed_24h)}</Fact>
          <Fact name="Failed, 24 h">{count(agent.counts.failed_24h)}</Fact>
          <Fact name="Tokens in, 24 h">{tokens(agent.tokens_24h.input)}</Fact>
          <Fact name="Tokens out, 24 h">{tokens(agent.tokens_24h.output)}</Fact>
        </Facts>
        <Facts>
          <Fact name="Connector">{CONNECTORS[agent.connector ?? ""] ?? agent.connector}</Fact>
          {agent.provenance && (
            <Fact name="Known by">
              {KNOWN_BY[agent.provenance]}
              {agent.signal_at && (
                <>
                  , <TimeAgo at={agent.signal_at} />
                </>
              )}
            </Fact>
          )}
          {agent.model && <Fact name="Model">{visibleText(agent.model)}</Fact>}
        </Facts>
      </div>
      {agent.connector === "http" && <EndpointSection agent={agent} />}
      <Section title="Can do">
        {agent.capabilities.length > 0 ? (
          <ul className="flex flex-wrap gap-1.5">
            {agent.capabilities.map((capability) => (
              <li key={capability}>
                <Link
                  to="/commands"
                  search={{ capability }}
                  className="tint inline-flex h-6 items-center rounded-pill px-2.5 font-mono text-caption hover:underline max-md:h-11"
                >
                  {visibleText(capability)}
                </Link>
              </li>
            ))}
          </ul>
        ) : (
          <p className="text-table text-muted">It named no capability, so no command reaches it.</p>
        )}
      </Section>
      {agent.instructions && (
        <Section
          title="Instructions"
          actions={
            <OutputActions
              value={agent.instructions}
              name="instructions"
              fileName={`${agent.slug}-instructions`}
            />
          }
        >
          <Output plain value={agent.instructions} empty="No instructions." />
        </Section>
      )}
    </Card>
  );
}
