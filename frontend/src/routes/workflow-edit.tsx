import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

const load = () => patiently(() => import("./workflow-edit.lazy"));

export const workflowEditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$slug/edit",
  component: lazyRouteComponent(load, "WorkflowEditRoute"),
});

export const workflowNewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/new",
  validateSearch: (search): { from?: string } => ({ from: searchText(search.from) }),
  component: lazyRouteComponent(load, "WorkflowNewRoute"),
});
