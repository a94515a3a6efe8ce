import { Page } from "@/components/ui/page";

export function AgentPage() {
  return <Page title="Agent">{null}</Page>;
}
