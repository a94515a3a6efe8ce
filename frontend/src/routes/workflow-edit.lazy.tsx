import { EditWorkflowPage, NewWorkflowPage } from "@/features/workflows/editor/editor-page";
import { workflowEditRoute, workflowNewRoute } from "./workflow-edit";

export function WorkflowEditRoute() {
  const { slug } = workflowEditRoute.useParams();
  return <EditWorkflowPage key={slug} slug={slug} />;
}

export function WorkflowNewRoute() {
  const { from } = workflowNewRoute.useSearch();
  return <NewWorkflowPage key={from} from={from} />;
}
