import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const metricsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/metrics",
  component: lazyRouteComponent(() => import("./metrics.lazy"), "MetricsPage"),
});
