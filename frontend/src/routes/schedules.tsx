import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice, searchText } from "./search";
import { shellRoute } from "./shell";

const tabs = ["schedules", "triggers"] as const;

export const schedulesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/schedules",
  validateSearch: (search): { tab?: (typeof tabs)[number]; workflow?: string } => ({
    tab: searchChoice(search.tab, tabs),
    workflow: searchText(search.workflow),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./schedules.lazy")), "SchedulesRoute"),
});
