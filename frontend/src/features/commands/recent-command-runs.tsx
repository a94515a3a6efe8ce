/** Command runs of the whole project, newest first. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { SquareTerminal } from "lucide-react";
import { Button } from "@/components/ui/button";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { CommandRunRows } from "@/components/work/command-run-rows";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { commandRunsQuery } from "@/lib/api/commands";
import type { CommandsPageProps } from "./commands-page";

const STATUSES = [
  { value: "", label: "All" },
  { value: "running", label: "Running" },
  { value: "queued", label: "Queued" },
  { value: "failed", label: "Failed" },
  { value: "timed_out", label: "Timed out" },
  { value: "completed", label: "Completed" },
  { value: "cancelled", label: "Cancelled" },
];

export function RecentCommandRuns({ search, onSearch }: CommandsPageProps) {
  const query = useInfiniteQuery(commandRunsQuery({ status: search.status }));
  return (
    <>
      <div className="border-b px-3 py-1.5">
        <FilterButtons
          label="Status"
          options={STATUSES}
          value={search.status ?? ""}
          onChange={(status) => onSearch({ view: "runs", status: status || undefined })}
        />
      </div>
      <Loaded query={query} what="Command runs could not be loaded" skeleton={<SkeletonRows rows={10} />}>
        {(rows) =>
          rows.length > 0 ? (
            <CommandRunRows rows={rows} query={query} />
          ) : search.status ? (
            <EmptyState
              icon={SquareTerminal}
              title="No command run has this status"
              action={<Button onClick={() => onSearch({ view: "runs" })}>Clear filter</Button>}
            />
          ) : (
            <EmptyState icon={SquareTerminal} title="No command has been sent yet">
              Choose one from the catalogue and send it to an agent.
            </EmptyState>
          )
        }
      </Loaded>
    </>
  );
}
