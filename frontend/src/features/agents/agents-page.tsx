/** Every agent of the project, live: filtered in the URL, attention first, drawn only where it is seen. */
import { Link } from "@tanstack/react-router";
import { Bot, LayoutGrid, Rows3, SearchX } from "lucide-react";
import { useDeferredValue, useMemo, useState } from "react";
import { lookOf } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { useAgentStatus, useMe } from "@/hooks";
import type { DashboardAgent } from "@/lib/api/types";
import { words } from "@/lib/format";
import { AgentList } from "./agent-list";
import { EndpointDialog } from "./endpoint-dialog";
import { type AgentsSearch, countByStatus, found, ordered, SORTS } from "./select";

const STATUSES = ["error", "offline", "waiting", "paused", "busy", "idle"];
const SORT_LABELS = { attention: "Needs attention first", name: "By name", active: "Last active first" };

export interface AgentsPageProps {
  search: AgentsSearch;
  onSearch: (search: AgentsSearch) => void;
}

export function AgentsPage({ search, onSearch }: AgentsPageProps) {
  const query = useAgentStatus();
  const q = useDeferredValue(search.q);
  const all = query.data;
  const matching = useMemo(() => found(all ?? [], { q, type: search.type }), [all, q, search.type]);
  const inOrder = useMemo(() => ordered(matching, search.sort), [matching, search.sort]);
  const shown = useMemo(
    () => (search.status ? inOrder.filter(({ status }) => status === search.status) : inOrder),
    [inOrder, search.status],
  );
  return (
    <Page
      title="Agents"
      actions={
        <>
          <NewHttpAgent />
          <Link to="/sessions" className={buttonClass()}>
            Sessions
          </Link>
          <Link to="/connect" className={buttonClass()}>
            Connect an agent
          </Link>
        </>
      }
    >
      <Toolbar search={search} onSearch={onSearch} agents={all ?? []} matching={matching} />
      <Loaded framed query={query} what="The agents could not be loaded" skeleton={<CardsSkeleton />}>
        {(agents) =>
          shown.length > 0 ? (
            <AgentList agents={shown} view={search.view ?? "cards"} />
          ) : (
            <NoAgents isEmpty={agents.length === 0} onClear={() => onSearch({ view: search.view })} />
          )
        }
      </Loaded>
    </Page>
  );
}

/** Others make themselves known; one that is called at an address is made by an admin. */
function NewHttpAgent() {
  const isAdmin = useMe().data?.project.role === "admin";
  const [isOpen, setOpen] = useState(false);
  if (!isAdmin) return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>New HTTP agent</Button>
      {isOpen && <EndpointDialog onClose={() => setOpen(false)} />}
    </>
  );
}

interface ToolbarProps extends AgentsPageProps {
  agents: readonly DashboardAgent[];
  matching: readonly DashboardAgent[];
}

function Toolbar({ search, onSearch, agents, matching }: ToolbarProps) {
  const counts = countByStatus(matching);
  const types = useMemo(() => [...new Set(agents.map(({ type }) => type))].sort(), [agents]);
  const isTable = search.view === "table";
  return (
    <div className="flex flex-wrap items-center gap-2">
      <FilterButtons
        label="Status"
        value={search.status ?? ""}
        onChange={(status) => onSearch({ ...search, status: status || undefined })}
        options={[
          { value: "", label: "All", count: matching.length },
          ...STATUSES.map((status) => ({
            value: status,
            label: lookOf(status).label,
            count: counts.get(status) ?? 0,
          })),
        ]}
      />
      <div className="ml-auto flex min-w-0 flex-wrap items-center gap-2 max-md:w-full">
        <Input
          type="search"
          aria-label="Search agents"
          placeholder="Search agents"
          value={search.q ?? ""}
          onChange={(event) => onSearch({ ...search, q: event.target.value || undefined })}
          className="md:w-56"
        />
        <Select
          aria-label="Type"
          value={search.type ?? ""}
          onChange={(event) => onSearch({ ...search, type: event.target.value || undefined })}
          className="max-md:flex-1 md:w-36"
        >
          <option value="">All types</option>
          {types.map((type) => (
            <option key={type} value={type}>
              {words(type)}
            </option>
          ))}
        </Select>
        <Select
          aria-label="Order"
          value={search.sort ?? "attention"}
          onChange={(event) => onSearch({ ...search, sort: event.target.value as AgentsSearch["sort"] })}
          className="max-md:flex-1 md:w-48"
        >
          {SORTS.map((sort) => (
            <option key={sort} value={sort}>
              {SORT_LABELS[sort]}
            </option>
          ))}
        </Select>
        <Button
          size="icon"
          variant="ghost"
          className="max-md:hidden"
          aria-label={isTable ? "Show as cards" : "Show as table"}
          title={isTable ? "Show as cards" : "Show as table"}
          onClick={() => onSearch({ ...search, view: isTable ? undefined : "table" })}
        >
          {isTable ? <LayoutGrid size={15} aria-hidden /> : <Rows3 size={15} aria-hidden />}
        </Button>
      </div>
    </div>
  );
}

function NoAgents({ isEmpty, onClear }: { isEmpty: boolean; onClear: () => void }) {
  return (
    <div className="card">
      {isEmpty ? (
        <EmptyState icon={Bot} title="No agents yet">
          An agent appears here as soon as it registers, or when the built-in fleet is set up with{" "}
          <code className="font-mono text-meta">manage.py setup</code>.
        </EmptyState>
      ) : (
        <EmptyState
          icon={SearchX}
          title="No agent matches"
          action={<Button onClick={onClear}>Clear filters</Button>}
        />
      )}
    </div>
  );
}

function CardsSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading"
      className="grid gap-2 sm:grid-cols-2 lg:grid-cols-3 xl:grid-cols-4"
    >
      {Array.from({ length: 16 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <Skeleton key={index} className="h-19" />
      ))}
    </div>
  );
}
