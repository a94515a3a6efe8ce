import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice, searchText } from "./search";
import { shellRoute } from "./shell";

const sorts = ["attention", "name", "active"] as const;
const views = ["cards", "table"] as const;
type AgentsSearch = {
  status?: string;
  q?: string;
  type?: string;
  sort?: (typeof sorts)[number];
  view?: (typeof views)[number];
};

export const agentsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/agents",
  validateSearch: (search): AgentsSearch => ({
    status: searchText(search.status),
    q: searchText(search.q),
    type: searchText(search.type),
    sort: searchChoice(search.sort, sorts),
    view: searchChoice(search.view, views),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./agents.lazy")), "AgentsRoute"),
});
