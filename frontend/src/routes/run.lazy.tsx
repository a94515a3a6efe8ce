import { RunPage } from "@/features/runs/run-page";
import { runRoute } from "./run";

export function RunRoute() {
  const { id } = runRoute.useParams();
  const { step } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  return (
    <RunPage
      key={id}
      id={id}
      step={step}
      onStep={(key) => void navigate({ search: { step: key }, replace: true, resetScroll: false })}
    />
  );
}
