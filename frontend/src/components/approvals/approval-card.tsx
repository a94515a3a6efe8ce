/** One question to people: what it is about, what was said so far, and the form that decides it. */
import { Link } from "@tanstack/react-router";
import { BellRing, Bot } from "lucide-react";
import { StatusChip, StatusIcon } from "@/components/status";
import { TimeAgo } from "@/components/ui/time-ago";
import { Fact, Facts } from "@/components/work/facts";
import { Prose } from "@/components/work/prose";
import type { Approval, ApprovalDecision, JsonSchema } from "@/lib/api/types";
import { plural, visibleText, words } from "@/lib/format";
import { Decide } from "./decide";
import { Told } from "./told";

interface ApprovalCardProps {
  approval: Approval;
  /** On the page of its run: the run and the title are said around it. */
  bare?: boolean;
}

export function ApprovalCard({ approval, bare = false }: ApprovalCardProps) {
  const isOpen = approval.state === "open";
  return (
    <article aria-label={visibleText(approval.title)} className="flex min-w-0 flex-col gap-3">
      <header className="flex flex-wrap items-start gap-x-3 gap-y-1">
        <div className="min-w-0 flex-1 basis-60">
          <h3 className="text-body font-semibold wrap-anywhere">{visibleText(approval.title)}</h3>
          <About approval={approval} bare={bare} />
        </div>
        {!(bare && isOpen) && <StatusChip status={isOpen ? "approval" : approval.state} />}
      </header>
      {approval.details && <Prose text={approval.details} />}
      <Decisions approval={approval} />
      <Told approval={approval} />
      {isOpen && <Decide approval={approval} />}
    </article>
  );
}

function About({ approval, bare }: { approval: Approval; bare: boolean }) {
  const { run, step, agent, command_run: work } = approval;
  return (
    <p className="flex flex-wrap gap-x-3 text-meta text-muted">
      {agent && (
        <Link
          to="/agents/$id"
          params={{ id: agent.id }}
          className="inline-flex items-center gap-1 text-accent hover:underline max-md:min-h-11"
        >
          <Bot size={13} aria-hidden /> {visibleText(agent.name)}
        </Link>
      )}
      {!bare && work?.title && (
        <span className="inline-flex items-center">At work on {visibleText(work.title)}</span>
      )}
      {!bare && run && (
        <Link
          to="/runs/$id"
          params={{ id: run.id }}
          search={{ step: step?.key }}
          className="inline-flex items-center text-accent hover:underline max-md:min-h-11"
        >
          {visibleText(run.name)} <span className="tnum ml-1">#{run.number}</span>
        </Link>
      )}
      <span className="inline-flex items-center">
        {approval.requested_by
          ? `${run ? "Run" : "Ordered"} by ${visibleText(approval.requested_by)}`
          : `${run ? "Run" : "Ordered"} by the system`}
      </span>
      <span className="inline-flex items-center gap-1">
        Asked <TimeAgo at={approval.created_at} />
      </span>
      {approval.escalated_at && (
        <span data-tone="warn" className="inline-flex items-center gap-1 text-(--tone)">
          <BellRing size={13} aria-hidden /> Escalated <TimeAgo at={approval.escalated_at} />
        </span>
      )}
      <Deadline approval={approval} />
    </p>
  );
}

function Deadline({ approval }: { approval: Approval }) {
  if (approval.state === "open" && approval.expires_at) {
    return (
      <span className="inline-flex items-center gap-1">
        Expires <TimeAgo at={approval.expires_at} />
      </span>
    );
  }
  if (approval.state === "open" || !approval.decided_at) return null;
  const word = { expired: "Expired", cancelled: "Withdrawn" }[approval.state as string] ?? "Decided";
  return (
    <span className="inline-flex items-center gap-1">
      {word} <TimeAgo at={approval.decided_at} />
    </span>
  );
}

function Decisions({ approval }: { approval: Approval }) {
  const { decisions, min_approvals: wanted, state } = approval;
  const given = furthest(decisions);
  return (
    <>
      {state === "open" && wanted > 1 && (
        <p className="tnum text-table text-muted">
          {given} of {plural(wanted, "approval")} given
        </p>
      )}
      {decisions.length > 0 && (
        <ul aria-label="Decisions" className="flex flex-col gap-2">
          {decisions.map((decision) => (
            <DecisionItem key={`${decision.by} ${decision.at}`} decision={decision} form={approval.fields} />
          ))}
        </ul>
      )}
    </>
  );
}

/** How many said the same yes; of a question with options, to the one that is furthest. */
function furthest(decisions: readonly ApprovalDecision[]): number {
  const said = new Map<string, number>();
  for (const { approved, option } of decisions) if (approved) said.set(option, (said.get(option) ?? 0) + 1);
  return Math.max(0, ...said.values());
}

function DecisionItem({ decision, form }: { decision: ApprovalDecision; form: JsonSchema }) {
  const status = decision.approved ? "approved" : "rejected";
  return (
    <li className="flex items-start gap-2 rounded-control bg-surface-2 px-3 py-2 text-table">
      <StatusIcon status={status} className="mt-[3px]" />
      <div className="min-w-0">
        <p>
          <span className="font-semibold">{visibleText(decision.by)}</span> {status}{" "}
          <TimeAgo at={decision.at} className="text-muted" />
        </p>
        {decision.option && <p className="font-semibold wrap-anywhere">{visibleText(decision.option)}</p>}
        {decision.comment && (
          <p className="break-words whitespace-pre-wrap">{visibleText(decision.comment)}</p>
        )}
        <Filled fields={decision.fields} form={form} />
      </div>
    </li>
  );
}

/** What the decision said in the form. */
function Filled({ fields, form }: { fields: Record<string, unknown>; form: JsonSchema }) {
  const filled = Object.entries(fields);
  if (filled.length === 0) return null;
  return (
    <div className="mt-1">
      <Facts>
        {filled.map(([name, value]) => (
          <Fact key={name} name={form.properties?.[name]?.title ?? words(name)}>
            {visibleText(asWords(value))}
          </Fact>
        ))}
      </Facts>
    </div>
  );
}

function asWords(value: unknown): string {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return typeof value === "string" ? value : JSON.stringify(value);
}
