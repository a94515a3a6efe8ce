import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "./shell";

export const commandsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/commands",
  component: lazyRouteComponent(() => import("./commands.lazy"), "CommandsPage"),
});
