import { RunPage } from "@/features/runs/run-page";
import { runRoute } from "./run";

export function RunRoute() {
  const { id } = runRoute.useParams();
  const { step, item } = runRoute.useSearch();
  const navigate = runRoute.useNavigate();
  return (
    <RunPage
      key={id}
      id={id}
      step={step}
      item={item}
      onStep={(key, place) =>
        void navigate({ search: { step: key, item: place }, replace: true, resetScroll: false })
      }
    />
  );
}
