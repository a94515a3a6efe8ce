import { WorkflowPage } from "@/features/workflows/workflow-page";
import { workflowRoute } from "./workflow";

export function WorkflowRoute() {
  const { slug } = workflowRoute.useParams();
  const { step } = workflowRoute.useSearch();
  const navigate = workflowRoute.useNavigate();
  return (
    <WorkflowPage
      key={slug}
      slug={slug}
      step={step}
      onStep={(key) => void navigate({ search: { step: key }, replace: true, resetScroll: false })}
    />
  );
}
