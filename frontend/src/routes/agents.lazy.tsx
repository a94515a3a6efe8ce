import { Page } from "@/components/ui/page";

export function AgentsPage() {
  return <Page title="Agents">{null}</Page>;
}
