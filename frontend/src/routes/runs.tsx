import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const runsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs",
  component: lazyRouteComponent(() => import("./runs.lazy"), "RunsPage"),
});
