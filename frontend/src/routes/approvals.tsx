import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const states = ["open", "decided"] as const;

export const approvalsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/approvals",
  validateSearch: (search): { state?: (typeof states)[number] } => ({
    state: searchChoice(search.state, states),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./approvals.lazy")), "ApprovalsRoute"),
});
