import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const agentRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/agents/$id",
  component: lazyRouteComponent(() => import("./agent.lazy"), "AgentRoute"),
});
