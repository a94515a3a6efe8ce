import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const ranges = ["15m", "1h", "6h", "24h", "7d"] as const;

export const metricsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/metrics",
  validateSearch: (search): { range?: (typeof ranges)[number] } => ({
    range: searchChoice(search.range, ranges),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./metrics.lazy")), "MetricsRoute"),
});
