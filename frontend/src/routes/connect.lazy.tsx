import { ConnectPage } from "@/features/connect/connect-page";
import { connectRoute } from "./connect";

export function ConnectRoute() {
  const { way } = connectRoute.useSearch();
  const navigate = connectRoute.useNavigate();
  return <ConnectPage way={way} onWay={(next) => void navigate({ search: { way: next }, replace: true })} />;
}
