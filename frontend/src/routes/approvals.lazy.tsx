import { ApprovalsPage } from "@/features/approvals/approvals-page";
import { approvalsRoute } from "./approvals";

export function ApprovalsRoute() {
  const { state = "open" } = approvalsRoute.useSearch();
  const navigate = approvalsRoute.useNavigate();
  return (
    <ApprovalsPage
      tab={state}
      onTab={(next) => void navigate({ search: next === "open" ? {} : { state: next }, replace: true })}
    />
  );
}
