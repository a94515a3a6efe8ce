import { CommandsPage } from "@/features/commands/commands-page";
import { commandsRoute } from "./commands";

export function CommandsRoute() {
  const search = commandsRoute.useSearch();
  const navigate = commandsRoute.useNavigate();
  return (
    <CommandsPage
      search={search}
      onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
    />
  );
}
