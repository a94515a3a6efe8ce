import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const states = ["open", "acknowledged", "resolved"] as const;

export const alertsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/alerts",
  validateSearch: (search): { state?: (typeof states)[number] } => ({
    state: searchChoice(search.state, states),
  }),
  component: lazyRouteComponent(() => import("./alerts.lazy"), "AlertsRoute"),
});
