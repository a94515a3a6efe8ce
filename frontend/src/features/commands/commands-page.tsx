/** The catalogue of commands by capability, and what has been asked of agents lately. */
import { Page } from "@/components/ui/page";
import { Tabs } from "@/components/ui/tabs";
import { Catalogue } from "./catalogue";
import { RecentCommandRuns } from "./recent-command-runs";

export type CommandsSearch = {
  view?: "catalogue" | "runs";
  q?: string;
  capability?: string;
  status?: string;
};

export interface CommandsPageProps {
  search: CommandsSearch;
  onSearch: (search: CommandsSearch) => void;
}

export function CommandsPage({ search, onSearch }: CommandsPageProps) {
  return (
    <Page title="Commands">
      <div className="card min-w-0">
        <Tabs
          label="Commands"
          value={search.view ?? "catalogue"}
          onChange={(view) => onSearch(view === "runs" ? { view } : {})}
          tabs={[
            {
              value: "catalogue",
              label: "Catalogue",
              content: <Catalogue search={search} onSearch={onSearch} />,
            },
            {
              value: "runs",
              label: "Command runs",
              content: <RecentCommandRuns search={search} onSearch={onSearch} />,
            },
          ]}
        />
      </div>
    </Page>
  );
}
