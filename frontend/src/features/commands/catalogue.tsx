/** What agents can be asked to do. A command opens in place: its parameters, its prompt and who can do it. */
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, SearchX, Send } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { Chip } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { SendCommand } from "@/components/work/send-command";
import { useCanOperate } from "@/hooks";
import { commandsQuery } from "@/lib/api/commands";
import type { Command } from "@/lib/api/types";
import { plural } from "@/lib/format";
import { CommandDetails } from "./command-details";
import type { CommandsPageProps } from "./commands-page";
import { byCapability, matching } from "./search";

export function Catalogue({ search, onSearch }: CommandsPageProps) {
  const query = useQuery(commandsQuery());
  const [sending, setSending] = useState<Command | null>(null);
  return (
    <>
      <Toolbar search={search} onSearch={onSearch} capabilities={capabilitiesOf(query.data ?? [])} />
      <Loaded query={query} what="The catalogue could not be loaded" skeleton={<SkeletonRows rows={12} />}>
        {(commands) => (
          <Groups commands={commands} search={search} onClear={() => onSearch({})} onSend={setSending} />
        )}
      </Loaded>
      {sending && <SendCommand open onOpenChange={() => setSending(null)} command={sending} />}
    </>
  );
}

const capabilitiesOf = (commands: Command[]) =>
  [...new Set(commands.map(({ capability }) => capability))].sort();

function Toolbar({ search, onSearch, capabilities }: CommandsPageProps & { capabilities: string[] }) {
  return (
    <div className="flex flex-wrap gap-2 border-b px-4 py-2">
      <Input
        type="search"
        aria-label="Search commands"
        placeholder="Search commands"
        value={search.q ?? ""}
        onChange={(event) => onSearch({ ...search, q: event.target.value || undefined })}
        className="md:max-w-72"
      />
      <Select
        aria-label="Capability"
        value={search.capability ?? ""}
        onChange={(event) => onSearch({ ...search, capability: event.target.value || undefined })}
        className="md:max-w-56"
      >
        <option value="">All capabilities</option>
        {capabilities.map((capability) => (
          <option key={capability}>{capability}</option>
        ))}
      </Select>
    </div>
  );
}

interface GroupsProps {
  commands: Command[];
  search: CommandsPageProps["search"];
  onClear: () => void;
  onSend: (command: Command) => void;
}

function Groups({ commands, search, onClear, onSend }: GroupsProps) {
  const typed = useDeferredValue(search.q ?? "");
  const wanted = commands.filter(({ capability }) => !search.capability || capability === search.capability);
  const groups = byCapability(matching(wanted, typed));
  if (groups.length === 0) {
    return (
      <EmptyState
        icon={SearchX}
        title={commands.length > 0 ? "No command matches" : "The catalogue is empty"}
        action={commands.length > 0 && <Button onClick={onClear}>Clear search</Button>}
      />
    );
  }
  return groups.map(({ capability, commands: list }) => (
    <section key={capability} aria-label={capability} className="border-t first-of-type:border-t-0">
      <h2 className="flex h-9 items-center gap-2 bg-surface-2/60 px-4 text-meta">
        <span className="font-mono">{capability}</span>
        <span className="font-normal text-muted">{plural(list.length, "command")}</span>
      </h2>
      <ul>
        {list.map((command) => (
          <CommandItem key={command.name} command={command} onSend={() => onSend(command)} />
        ))}
      </ul>
    </section>
  ));
}

function CommandItem({ command, onSend }: { command: Command; onSend: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const maySend = useCanOperate();
  return (
    <li className="border-t">
      <div className="flex items-center gap-2 pr-4 hover:bg-surface-2">
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          className="grid min-h-11 min-w-0 flex-1 grid-cols-[16px_minmax(0,1fr)] items-center gap-x-2 py-1.5 pl-4 text-left outline-offset-[-2px] lg:grid-cols-[16px_minmax(0,280px)_minmax(0,1fr)]"
        >
          <ChevronRight size={14} aria-hidden className={`text-muted ${isOpen ? "rotate-90" : ""}`} />
          <span className="min-w-0">
            <span className="block truncate text-table font-semibold">{command.title}</span>
            <span className="block truncate font-mono text-caption text-muted">{command.name}</span>
          </span>
          <span className="truncate text-table text-muted max-lg:hidden">{command.description}</span>
        </button>
        <Chip className="max-md:hidden" tone={command.agents.length > 0 ? "off" : "warn"}>
          {plural(command.agents.length, "agent")}
        </Chip>
        {maySend && (
          <Button size="sm" variant="ghost" onClick={onSend} aria-label={`Send ${command.title}`}>
            <Send size={13} aria-hidden /> Send
          </Button>
        )}
      </div>
      {isOpen && <CommandDetails command={command} />}
    </li>
  );
}
