import { SchedulesPage } from "@/features/schedules/schedules-page";
import { schedulesRoute } from "./schedules";

export function SchedulesRoute() {
  const { tab = "schedules", workflow } = schedulesRoute.useSearch();
  const navigate = schedulesRoute.useNavigate();
  return (
    <SchedulesPage
      tab={tab}
      workflow={workflow}
      onTab={(next) =>
        void navigate({
          search: (now) => ({ ...now, tab: next === "schedules" ? undefined : next }),
          replace: true,
        })
      }
      onAll={() => void navigate({ search: ({ workflow: _one, ...rest }) => rest, replace: true })}
    />
  );
}
