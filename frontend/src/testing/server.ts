/** The API as msw answers it in tests; a test overrides the handlers it is about. */
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { makeMe, makeSnapshot } from "./factories";

const api = "*/api/v1";
const series = Object.fromEntries(
  ["throughput", "api_ms", "cpu", "memory", "queue_depth", "active_agents", "running_workflows"].map(
    (name) => [name, []],
  ),
);
export const handlers = [
  http.post(`${api}/auth/token/refresh/`, () => HttpResponse.json({ access: "token", expires_in: 300 })),
  http.post(`${api}/auth/socket-ticket/`, () => HttpResponse.json({ ticket: "ticket", expires_in: 30 })),
  http.get(`${api}/me/`, () => HttpResponse.json(makeMe())),
  http.get(`${api}/monitoring/dashboard/snapshot/`, () => HttpResponse.json(makeSnapshot())),
  http.get(`${api}/monitoring/attention/`, () => HttpResponse.json([])),
  http.get(`${api}/monitoring/metrics/`, () => HttpResponse.json({ step_seconds: 5, at: [], series })),
  http.get(`${api}/schedules/`, () => HttpResponse.json({ next: null, previous: null, results: [] })),
  http.get(`${api}/triggers/`, () => HttpResponse.json({ next: null, previous: null, results: [] })),
  http.get(`${api}/pause/`, () => HttpResponse.json({ paused: false, by: null, at: null })),
  http.get(`${api}/events/`, () => HttpResponse.json({ results: [], next: null })),
  http.get(`${api}/workflows/`, () => HttpResponse.json({ next: null, previous: null, results: [] })),
];
export const server = setupServer(...handlers);
