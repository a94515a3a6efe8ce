import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$slug",
  validateSearch: (search): { step?: string } => ({ step: searchText(search.step) }),
  component: lazyRouteComponent(() => import("./workflow.lazy"), "WorkflowRoute"),
});
