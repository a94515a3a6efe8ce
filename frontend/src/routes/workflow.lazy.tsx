import { WorkflowPage } from "@/features/workflows/workflow-page";
import { workflowRoute } from "./workflow";

export function WorkflowRoute() {
  const { slug } = workflowRoute.useParams();
  const { step, tab, from, to } = workflowRoute.useSearch();
  const navigate = workflowRoute.useNavigate();
  const go = (search: ReturnType<typeof workflowRoute.useSearch>) =>
    void navigate({ search, replace: true, resetScroll: false });
  return (
    <WorkflowPage
      key={slug}
      slug={slug}
      step={step}
      onStep={(key) => go({ step: key })}
      tab={tab ?? "overview"}
      onTab={(chosen) => go(chosen === "versions" ? { tab: chosen } : {})}
      compared={{ from, to }}
      onCompare={(compared) => go({ tab: "versions", ...compared })}
    />
  );
}
