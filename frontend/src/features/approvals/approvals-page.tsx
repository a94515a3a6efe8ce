/** What waits for a person: the questions this user can answer first, then those of others; and what was decided. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { CircleCheck } from "lucide-react";
import { ApprovalCard } from "@/components/approvals";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Tabs } from "@/components/ui/tabs";
import { TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { useOpenApprovals } from "@/hooks";
import { approvalQuery, approvalsQuery } from "@/lib/api/approvals";
import type { Approval } from "@/lib/api/types";
import { count } from "@/lib/format";
import { mineFirst } from "./order";
import { useKept } from "./use-kept";

export type ApprovalsTab = "open" | "decided";

interface ApprovalsPageProps {
  tab: ApprovalsTab;
  onTab: (tab: ApprovalsTab) => void;
}

export function ApprovalsPage({ tab, onTab }: ApprovalsPageProps) {
  const open = useOpenApprovals();
  const openLabel = open === undefined ? "Open" : `Open ${count(open)}`;
  return (
    <Page title="Approvals">
      <div className="card w-full max-w-[960px] min-w-0 overflow-hidden">
        <Tabs
          label="Approvals"
          value={tab}
          onChange={(value) => onTab(value as ApprovalsTab)}
          tabs={[
            { value: "open", label: <span className="tnum">{openLabel}</span>, content: <Open /> },
            { value: "decided", label: "Decided", content: <Decided /> },
          ]}
        />
      </div>
    </Page>
  );
}

function Open() {
  const query = useInfiniteQuery(approvalsQuery({ state: "open" }));
  return (
    <Loaded query={query} what="The approvals could not be loaded" skeleton={<Placeholder />}>
      {(approvals) => <OpenList approvals={approvals} query={query} checkedAt={query.dataUpdatedAt} />}
    </Loaded>
  );
}

interface OpenListProps extends MoreProps {
  approvals: readonly Approval[];
  checkedAt: number;
}

function OpenList({ approvals, query, checkedAt }: OpenListProps) {
  const kept = useKept(approvals);
  const { mine, others } = mineFirst(kept);
  if (kept.length === 0) {
    return (
      <EmptyState icon={CircleCheck} title="Nothing waits for a person">
        Steps that ask for approval show up here at once. Checked <TimeAgo at={checkedAt} />.
      </EmptyState>
    );
  }
  const stillOpen = new Set(approvals.map(({ id }) => id));
  const cards = (rows: readonly Approval[]) =>
    rows.map((row) => <OpenItem key={row.id} row={row} isOpen={stillOpen.has(row.id)} />);
  return (
    <>
      {mine.length > 0 && <Group title="Needs me">{cards(mine)}</Group>}
      {others.length > 0 && (
        <Group title={mine.length > 0 ? "Needs others" : "Needs somebody else"}>{cards(others)}</Group>
      )}
      <More query={query} />
    </>
  );
}

/** Once closed, it stays where it was read and says who decided. */
function OpenItem({ row, isOpen }: { row: Approval; isOpen: boolean }) {
  const { data: closed } = useQuery({ ...approvalQuery(row.id), enabled: !isOpen });
  return <Item approval={isOpen ? row : (closed ?? row)} />;
}

function Decided() {
  const query = useInfiniteQuery(approvalsQuery({ state: "decided" }));
  return (
    <Loaded query={query} what="The approvals could not be loaded" skeleton={<Placeholder />}>
      {(approvals) =>
        approvals.length > 0 ? (
          <>
            <h2 className="sr-only">Decided</h2>
            <ul aria-label="Decided approvals">
              {approvals.map((approval) => (
                <Item key={approval.id} approval={approval} />
              ))}
            </ul>
            <More query={query} />
          </>
        ) : (
          <EmptyState title="Nothing decided yet">Who decided what, when and why is kept here.</EmptyState>
        )
      }
    </Loaded>
  );
}

function Group({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section aria-label={title} className="border-t first:border-t-0">
      <h2 className="bg-surface-2 px-4 py-1.5 text-table font-semibold text-muted">{title}</h2>
      <ul aria-label={title}>{children}</ul>
    </section>
  );
}

function Item({ approval }: { approval: Approval }) {
  return (
    <li className="border-t px-4 py-4 first:border-t-0">
      <ApprovalCard approval={approval} />
    </li>
  );
}

interface MoreProps {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}

function More({ query }: MoreProps) {
  if (!query.hasNextPage) return null;
  return (
    <div className="flex justify-center border-t p-2">
      <Button variant="ghost" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {query.isFetchingNextPage ? "Loading…" : "Load more"}
      </Button>
    </div>
  );
}

const Placeholder = () => <SkeletonRows rows={4} className="h-28" />;
