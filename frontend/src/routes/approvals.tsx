import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const states = ["open", "decided"] as const;

export const approvalsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/approvals",
  validateSearch: (search): { state?: (typeof states)[number] } => ({
    state: searchChoice(search.state, states),
  }),
  component: lazyRouteComponent(() => import("./approvals.lazy"), "ApprovalsRoute"),
});
