import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const runRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs/$id",
  validateSearch: (search): { step?: string } => ({ step: searchText(search.step) }),
  component: lazyRouteComponent(() => patiently(() => import("./run.lazy")), "RunRoute"),
});
