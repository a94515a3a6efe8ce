import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const states = ["open", "acknowledged", "resolved"] as const;

export const alertsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/alerts",
  validateSearch: (search): { state?: (typeof states)[number] } => ({
    state: searchChoice(search.state, states),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./alerts.lazy")), "AlertsRoute"),
});
