import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$slug",
  component: lazyRouteComponent(() => import("./workflow.lazy"), "WorkflowPage"),
});
