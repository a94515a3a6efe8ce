import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const runRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs/$id",
  component: lazyRouteComponent(() => import("./run.lazy"), "RunPage"),
});
