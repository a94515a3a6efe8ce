import { SessionsPage } from "@/features/sessions/sessions-page";
import { sessionsRoute } from "./sessions";

export function SessionsRoute() {
  const search = sessionsRoute.useSearch();
  const navigate = sessionsRoute.useNavigate();
  return <SessionsPage search={search} onSearch={(next) => void navigate({ search: next, replace: true })} />;
}
