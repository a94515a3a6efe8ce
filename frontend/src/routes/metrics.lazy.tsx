import { MetricsPage } from "@/features/metrics/metrics-page";
import { metricsRoute } from "./metrics";

export function MetricsRoute() {
  const { range = "1h" } = metricsRoute.useSearch();
  const navigate = metricsRoute.useNavigate();
  return (
    <MetricsPage
      range={range}
      onRange={(next) => void navigate({ search: { range: next }, replace: true, resetScroll: false })}
    />
  );
}
