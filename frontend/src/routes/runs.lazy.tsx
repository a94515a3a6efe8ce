import { Page } from "@/components/ui/page";

export function RunsPage() {
  return <Page title="Runs">{null}</Page>;
}
