import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { shellRoute } from "./shell";

export const agentRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/agents/$id",
  component: lazyRouteComponent(() => patiently(() => import("./agent.lazy")), "AgentRoute"),
});
