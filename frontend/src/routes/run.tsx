import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const runRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs/$id",
  validateSearch: (search): { step?: string } => ({ step: searchText(search.step) }),
  component: lazyRouteComponent(() => import("./run.lazy"), "RunRoute"),
});
