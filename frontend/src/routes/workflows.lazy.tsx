export { WorkflowsPage as WorkflowsRoute } from "@/features/workflows/workflows-page";
