/** Agents with an HTTP endpoint: made, changed, tried out, and given another secret, by admins. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import type { AgentWithSecret, EndpointTest, NewEndpointAgent } from "./types";

export function useCreateAgent() {
  return useMutation({
    mutationFn: (body: NewEndpointAgent) =>
      unwrap(
        api.POST("/api/v1/agents/", { body: body as Required<NewEndpointAgent> }),
      ) as Promise<AgentWithSecret>,
  });
}

export function useChangeAgent(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Partial<NewEndpointAgent>) =>
      unwrap(
        api.PATCH("/api/v1/agents/{agent_id}/", {
          params: { path: { agent_id: id } },
          body: body as Required<NewEndpointAgent>,
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.agents.detail(id) }),
  });
}

export function useRotateAgentSecret(id: string) {
  return useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/agents/{agent_id}/secret/", { params: { path: { agent_id: id } } })),
  });
}

/** Sends a signed message that asks for nothing. */
export function useTryEndpoint(id: string) {
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/agents/{agent_id}/test/", { params: { path: { agent_id: id } } }),
      ) as Promise<EndpointTest>,
  });
}
