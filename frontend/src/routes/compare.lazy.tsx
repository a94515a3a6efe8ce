import { ComparePage } from "@/features/runs/compare-page";
import { compareRoute } from "./compare";

export function CompareRoute() {
  const { a, b, all = false } = compareRoute.useSearch();
  const navigate = compareRoute.useNavigate();
  return (
    <ComparePage
      a={a}
      b={b}
      all={all}
      onChange={(change) =>
        void navigate({
          search: (now) => ({ ...now, ...change, all: (change.all ?? all) || undefined }),
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}
