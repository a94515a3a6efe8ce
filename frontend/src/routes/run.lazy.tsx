import { Page } from "@/components/ui/page";

export function RunPage() {
  return <Page title="Run">{null}</Page>;
}
