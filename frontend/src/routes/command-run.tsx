import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const commandRunRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/command-runs/$id",
  component: lazyRouteComponent(() => import("./command-run.lazy"), "CommandRunRoute"),
});
