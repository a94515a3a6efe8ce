import { Page } from "@/components/ui/page";

export function WorkflowsPage() {
  return <Page title="Workflows">{null}</Page>;
}
