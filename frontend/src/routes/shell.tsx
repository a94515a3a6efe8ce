/** Everything behind the login: the frame, and the guard that asks for a session first. */
import { createRoute, redirect } from "@tanstack/react-router";
import { NotFoundPage, RouteError } from "@/components/shell/route-states";
import { Shell } from "@/components/shell/shell";
import { session } from "@/lib/api/session";
import { rootRoute } from "./root";

export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ location }) => {
    if (session.signedIn) return;
    // An unreachable server shows the frame with its error states, not the login page.
    const signedIn = await session.refresh().catch(() => true);
    if (!signedIn) throw redirect({ to: "/login", search: { next: location.href }, replace: true });
  },
  component: Shell,
  notFoundComponent: NotFoundPage,
  errorComponent: RouteError,
});
