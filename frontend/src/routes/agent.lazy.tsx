import { AgentPage } from "@/features/agents/agent-page";
import { agentRoute } from "./agent";

export function AgentRoute() {
  const { id } = agentRoute.useParams();
  return <AgentPage key={id} id={id} />;
}
