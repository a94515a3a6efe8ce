import { Page } from "@/components/ui/page";

export function WorkflowPage() {
  return <Page title="Workflow">{null}</Page>;
}
