import { createRoute } from "@tanstack/react-router";
import { DashboardPage } from "@/features/dashboard/dashboard-page";
import { shellRoute } from "./shell";

// Not lazy: it is what a cold browser opens, and a chunk would cost a round trip.
export const dashboardRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  component: DashboardPage,
});
