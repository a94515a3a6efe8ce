import { createRootRoute, Outlet } from "@tanstack/react-router";
import { NotFoundPage, RouteError } from "@/components/shell/route-states";

export const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: RouteError,
});
