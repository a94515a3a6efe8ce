import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { shellRoute } from "./shell";

export const commandRunRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/command-runs/$id",
  component: lazyRouteComponent(() => patiently(() => import("./command-run.lazy")), "CommandRunRoute"),
});
