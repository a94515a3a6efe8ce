import { createRoute } from "@tanstack/react-router";
import { DashboardPage } from "@/features/dashboard/dashboard-page";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const RANGES = ["15m", "1h", "6h", "24h"] as const;

// Not lazy: it is what a cold browser opens, and a chunk would cost a round trip.
export const dashboardRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  validateSearch: (search): { range?: (typeof RANGES)[number] | undefined } => ({
    range: searchChoice(search.range, RANGES),
  }),
  component: DashboardPage,
});
