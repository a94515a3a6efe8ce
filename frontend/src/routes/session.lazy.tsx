import { SessionPage } from "@/features/sessions/session-page";
import { sessionRoute } from "./session";

export function SessionRoute() {
  const { id } = sessionRoute.useParams();
  return <SessionPage key={id} id={id} />;
}
