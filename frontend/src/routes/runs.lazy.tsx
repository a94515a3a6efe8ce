import { RunsPage } from "@/features/runs/runs-page";
import { runsRoute } from "./runs";

export function RunsRoute() {
  const filter = runsRoute.useSearch();
  const navigate = runsRoute.useNavigate();
  return <RunsPage filter={filter} onFilter={(search) => void navigate({ search, replace: true })} />;
}
