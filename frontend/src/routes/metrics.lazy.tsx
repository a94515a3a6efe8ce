import { Page } from "@/components/ui/page";

export function MetricsPage() {
  return <Page title="Metrics">{null}</Page>;
}
