import { KeysPage } from "@/features/keys/keys-page";
import { keysRoute } from "./keys";

export function KeysRoute() {
  const { state = "usable" } = keysRoute.useSearch();
  const navigate = keysRoute.useNavigate();
  return (
    <KeysPage
      state={state}
      onState={(next) =>
        void navigate({ search: { state: next === "usable" ? undefined : next }, replace: true })
      }
    />
  );
}
