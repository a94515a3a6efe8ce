import { CommandRunPage } from "@/features/commands/command-run-page";
import { commandRunRoute } from "./command-run";

export function CommandRunRoute() {
  const { id } = commandRunRoute.useParams();
  return <CommandRunPage key={id} id={id} />;
}
