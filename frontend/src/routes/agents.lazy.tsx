import { AgentsPage } from "@/features/agents/agents-page";
import { agentsRoute } from "./agents";

export function AgentsRoute() {
  const search = agentsRoute.useSearch();
  const navigate = agentsRoute.useNavigate();
  return (
    <AgentsPage
      search={search}
      onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
    />
  );
}
