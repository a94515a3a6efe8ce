import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice, searchText } from "./search";
import { shellRoute } from "./shell";

const views = ["catalogue", "runs"] as const;
type CommandsSearch = { view?: (typeof views)[number]; q?: string; capability?: string; status?: string };

export const commandsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/commands",
  validateSearch: (search): CommandsSearch => ({
    view: searchChoice(search.view, views),
    q: searchText(search.q),
    capability: searchText(search.capability),
    status: searchText(search.status),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./commands.lazy")), "CommandsRoute"),
});
