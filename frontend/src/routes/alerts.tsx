import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const alertsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/alerts",
  component: lazyRouteComponent(() => import("./alerts.lazy"), "AlertsPage"),
});
