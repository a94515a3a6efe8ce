import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchPlace } from "./search";
import { shellRoute } from "./shell";

export const agentRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/agents/$id",
  validateSearch: (search): { span?: number } => ({ span: searchPlace(search.span) }),
  component: lazyRouteComponent(() => patiently(() => import("./agent.lazy")), "AgentRoute"),
});
