import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import type { RunFilter } from "@/lib/api/runs";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const runsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs",
  validateSearch: (search): RunFilter => ({
    status: searchText(search.status),
    workflow: searchText(search.workflow),
    schedule: searchText(search.schedule),
    trigger: searchText(search.trigger),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./runs.lazy")), "RunsRoute"),
});
