import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$slug",
  validateSearch: (search): { step?: string } => ({ step: searchText(search.step) }),
  component: lazyRouteComponent(() => patiently(() => import("./workflow.lazy")), "WorkflowRoute"),
});
