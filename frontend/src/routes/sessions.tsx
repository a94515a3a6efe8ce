import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const sessionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/sessions",
  validateSearch: (search): { agent?: string; q?: string } => ({
    agent: searchText(search.agent),
    q: searchText(search.q),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./sessions.lazy")), "SessionsRoute"),
});
