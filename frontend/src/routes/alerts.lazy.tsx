import { AlertsPage } from "@/features/alerts/alerts-page";
import { alertsRoute } from "./alerts";

export function AlertsRoute() {
  const { state = "open" } = alertsRoute.useSearch();
  const navigate = alertsRoute.useNavigate();
  return (
    <AlertsPage
      state={state}
      onState={(next) => void navigate({ search: next === "open" ? {} : { state: next }, replace: true })}
    />
  );
}
