import { createRouter, type RouterHistory } from "@tanstack/react-router";
import { agentRoute } from "@/routes/agent";
import { agentsRoute } from "@/routes/agents";
import { alertsRoute } from "@/routes/alerts";
import { approvalsRoute } from "@/routes/approvals";
import { commandRunRoute } from "@/routes/command-run";
import { commandsRoute } from "@/routes/commands";
import { compareRoute } from "@/routes/compare";
import { connectRoute } from "@/routes/connect";
import { dashboardRoute } from "@/routes/dashboard";
import { keysRoute } from "@/routes/keys";
import { loginRoute } from "@/routes/login";
import { metricsRoute } from "@/routes/metrics";
import { rootRoute } from "@/routes/root";
import { runRoute } from "@/routes/run";
import { runsRoute } from "@/routes/runs";
import { schedulesRoute } from "@/routes/schedules";
import { sessionRoute } from "@/routes/session";
import { sessionsRoute } from "@/routes/sessions";
import { settingsRoute } from "@/routes/settings";
import { shellRoute } from "@/routes/shell";
import { webhookRoute } from "@/routes/webhook";
import { webhooksRoute } from "@/routes/webhooks";
import { workflowRoute } from "@/routes/workflow";
import { workflowEditRoute, workflowNewRoute } from "@/routes/workflow-edit";
import { workflowsRoute } from "@/routes/workflows";

const routeTree = rootRoute.addChildren([
  loginRoute,
  shellRoute.addChildren([
    dashboardRoute,
    agentsRoute,
    agentRoute,
    sessionsRoute,
    sessionRoute,
    workflowsRoute,
    workflowRoute,
    workflowNewRoute,
    workflowEditRoute,
    runsRoute,
    compareRoute,
    runRoute,
    commandsRoute,
    commandRunRoute,
    schedulesRoute,
    approvalsRoute,
    alertsRoute,
    metricsRoute,
    settingsRoute,
    keysRoute,
    connectRoute,
    webhooksRoute,
    webhookRoute,
  ]),
]);

export const makeRouter = (history?: RouterHistory) =>
  createRouter({
    routeTree,
    history,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
  });
export const router = makeRouter();

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
