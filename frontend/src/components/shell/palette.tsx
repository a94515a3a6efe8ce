import { useQuery } from "@tanstack/react-query";
import { type LinkProps, type NavigateOptions, useRouter } from "@tanstack/react-router";
import { Command } from "cmdk";
import type { ReactNode } from "react";
import { StatusIcon, StatusText } from "@/components/status";
import { useAgentStatus, useRecentWorkflows } from "@/hooks";
import { workflowsQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";
import { navItems } from "./nav";

const itemClass =
  "flex h-9 cursor-default items-center gap-2 rounded-control px-2 text-table max-md:h-11 data-[selected=true]:bg-surface-2";

/** Every typed word must occur in the words of the entry; the id that tells entries apart is not searched. */
function match(_id: string, typed: string, keywords: string[] = []): number {
  const text = keywords.join(" ").toLowerCase();
  const wanted = typed.toLowerCase().split(/\s+/);
  if (!wanted.every((word) => text.includes(word))) return 0;
  return text.startsWith(wanted[0] ?? "") ? 1 : 0.5;
}

/** Ctrl/Cmd-K: pages, agents, workflows and recent runs, from what is already in memory. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const agents = useAgentStatus().data ?? [];
  const runs = useRecentWorkflows().data ?? [];
  const workflows = useQuery(workflowsQuery()).data ?? [];
  const router = useRouter();
  const open = (target: LinkProps) => {
    onClose();
    void router.navigate(target as NavigateOptions);
  };
  return (
    <Command.Dialog
      open
      onOpenChange={(next) => !next && onClose()}
      label="Search and jump"
      filter={match}
      overlayClassName="fixed inset-0 z-40 bg-[rgb(8_12_18/0.6)]"
      contentClassName="popover animate-rise-in fixed inset-x-3 top-[10dvh] z-50 mx-auto max-w-[560px] overflow-hidden"
    >
      <Command.Input
        placeholder="Jump to a page, agent, workflow or run"
        className="h-12 w-full border-b bg-transparent px-4 text-body outline-none placeholder:text-muted"
      />
      <Command.List className="max-h-[50dvh] overflow-y-auto p-2">
        <Command.Empty className="px-2 py-6 text-center text-muted">Nothing matches.</Command.Empty>
        <Group heading="Pages">
          {navItems.map((item) => (
            <Command.Item
              key={item.to}
              value={item.to}
              keywords={[item.label, "page"]}
              onSelect={() => open({ to: item.to })}
              className={itemClass}
            >
              <item.icon size={16} aria-hidden="true" className="text-muted" />
              <span className="flex-1">{item.label}</span>
              <kbd className="font-mono text-caption text-muted">g {item.key}</kbd>
            </Command.Item>
          ))}
        </Group>
        <Group heading="Agents">
          {agents.slice(0, 200).map((agent) => (
            <Command.Item
              key={agent.id}
              value={agent.id}
              keywords={[agent.name, agent.type, agent.status, "agent"]}
              onSelect={() => open({ to: "/agents/$id", params: { id: agent.id } })}
              className={itemClass}
            >
              <StatusIcon status={agent.status} />
              <span className="flex-1 truncate">{visibleText(agent.name)}</span>
              <StatusText status={agent.status} />
            </Command.Item>
          ))}
        </Group>
        <Group heading="Workflows">
          {workflows.map((workflow) => (
            <Command.Item
              key={workflow.slug}
              value={workflow.slug}
              keywords={[workflow.name, "workflow"]}
              onSelect={() => open({ to: "/workflows/$slug", params: { slug: workflow.slug } })}
              className={itemClass}
            >
              {workflow.name}
            </Command.Item>
          ))}
        </Group>
        <Group heading="Recent runs">
          {runs.slice(0, 30).map((run) => (
            <Command.Item
              key={run.id}
              value={run.id}
              keywords={[run.name, `#${run.number}`, run.status, "run"]}
              onSelect={() => open({ to: "/runs/$id", params: { id: run.id } })}
              className={itemClass}
            >
              <StatusIcon status={run.status} />
              <span className="flex-1 truncate">
                {visibleText(run.name)} <span className="tnum text-muted">#{run.number}</span>
              </span>
              <StatusText status={run.status} />
            </Command.Item>
          ))}
        </Group>
      </Command.List>
    </Command.Dialog>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-caption [&_[cmdk-group-heading]]:text-muted"
    >
      {children}
    </Command.Group>
  );
}
