import { Page } from "@/components/ui/page";

export function CommandsPage() {
  return <Page title="Commands">{null}</Page>;
}
