/** The versions of a workflow: who saved what when, two of them side by side, and an old one used again. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { Chip } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Select } from "@/components/ui/field";
import { SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { Loaded } from "@/components/work/loaded";
import { useCanOperate } from "@/hooks";
import { diffQuery, useVersionAgain, versionsQuery } from "@/lib/api/definitions";
import type { Version } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { changeNote, DifferenceView } from "./change-list";

export interface Compared {
  from?: number | undefined;
  to?: number | undefined;
}

interface VersionsProps extends Compared {
  slug: string;
  current: number;
  onCompare: (compared: Compared) => void;
}

export function Versions({ slug, current, from, to, onCompare }: VersionsProps) {
  const query = useInfiniteQuery(versionsQuery(slug));
  const after = to ?? current;
  const before = from ?? Math.max(after - 1, 1);
  return (
    <div className="grid min-w-0 items-start gap-3 lg:grid-cols-[minmax(320px,2fr)_3fr]">
      <Card title="Versions" bodyClassName="p-0">
        <Loaded query={query} what="The versions could not be loaded">
          {(rows) => (
            <>
              <ol aria-label="Versions">
                {rows.map((row) => (
                  <VersionRow
                    key={row.number}
                    slug={slug}
                    row={row}
                    isCurrent={row.number === current}
                    isShown={row.number === after && current > 1}
                    onShow={() => onCompare({ from: Math.max(row.number - 1, 1), to: row.number })}
                  />
                ))}
              </ol>
              {query.hasNextPage && (
                <div className="flex justify-center border-t p-2">
                  <Button
                    variant="ghost"
                    busy={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    {query.isFetchingNextPage ? "Loading…" : "Load more"}
                  </Button>
                </div>
              )}
            </>
          )}
        </Loaded>
      </Card>
      {current > 1 ? (
        <Comparison slug={slug} newest={current} from={before} to={after} onCompare={onCompare} />
      ) : (
        <Card title="Differences">
          <p className="text-muted">There is one version. The next one can be compared with it here.</p>
        </Card>
      )}
    </div>
  );
}

interface RowProps {
  slug: string;
  row: Version;
  isCurrent: boolean;
  isShown: boolean;
  onShow: () => void;
}

function VersionRow({ slug, row, isCurrent, isShown, onShow }: RowProps) {
  const mayUse = useCanOperate();
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t px-4 py-2 first:border-t-0">
      <span className="flex min-w-0 flex-1 basis-40 flex-col">
        <span className="flex items-center gap-2 font-semibold">
          <span className="tnum">Version {row.number}</span>
          {isCurrent && <Chip tone="ok">current</Chip>}
        </span>
        <span className="text-meta text-muted">
          {visibleText(row.by) || "Somebody"}, <TimeAgo at={row.at} />
        </span>
      </span>
      {row.number > 1 && (
        <Button
          size="sm"
          aria-pressed={isShown}
          className="aria-pressed:bg-surface-2"
          onClick={onShow}
          aria-label={`What changed in version ${row.number}`}
        >
          Changes
        </Button>
      )}
      {mayUse && !isCurrent && <UseAgain slug={slug} number={row.number} />}
    </li>
  );
}

function UseAgain({ slug, number }: { slug: string; number: number }) {
  const again = useVersionAgain(slug, number);
  return (
    <Confirm
      variant="secondary"
      label="Use again"
      pendingLabel="Saving…"
      keep="Keep the current one"
      title={`Use version ${number} again?`}
      description="Its text is saved as a new version, which new runs take."
      mutation={{
        ...again,
        mutate: (_, options) =>
          again.mutate(undefined, {
            onSuccess: ({ version, is_new_version }) => {
              options.onSuccess();
              toast({
                level: is_new_version ? "success" : "info",
                title: is_new_version
                  ? `Version ${number} is used again, as version ${version}`
                  : "The current version has this text already",
              });
            },
          }),
      }}
    >
      Runs that have begun keep the version they began with. No version is lost.
    </Confirm>
  );
}

interface ComparisonProps {
  slug: string;
  newest: number;
  from: number;
  to: number;
  onCompare: (compared: Compared) => void;
}

function Comparison({ slug, newest, from, to, onCompare }: ComparisonProps) {
  const query = useQuery(diffQuery(slug, from, to));
  return (
    <Card
      title="Differences"
      note={query.data && changeNote(query.data)}
      className="lg:sticky lg:top-[60px]"
      bodyClassName="flex flex-col gap-3 p-4"
    >
      <div className="flex flex-wrap items-center gap-2">
        <VersionSelect
          label="From"
          value={from}
          newest={newest}
          onChange={(number) => onCompare({ from: number, to })}
        />
        <VersionSelect
          label="To"
          value={to}
          newest={newest}
          onChange={(number) => onCompare({ from, to: number })}
        />
      </div>
      <Loaded
        query={query}
        what="The two versions could not be compared"
        skeleton={<SkeletonRows rows={6} className="h-5" />}
      >
        {(difference) => <DifferenceView difference={difference} label="Lines added and removed" />}
      </Loaded>
    </Card>
  );
}

const MOST_OPTIONS = 200;

interface SelectProps {
  label: string;
  value: number;
  newest: number;
  onChange: (number: number) => void;
}

function VersionSelect({ label, value, newest, onChange }: SelectProps) {
  const id = useId();
  const numbers = Array.from({ length: Math.min(newest, MOST_OPTIONS) }, (_, index) => newest - index);
  if (!numbers.includes(value)) numbers.push(value);
  return (
    <span className="flex items-center gap-2">
      <label htmlFor={id} className="text-meta text-muted">
        {label}
      </label>
      <Select id={id} value={value} onChange={(event) => onChange(Number(event.target.value))}>
        {numbers.map((number) => (
          <option key={number} value={number}>
            Version {number}
          </option>
        ))}
      </Select>
    </span>
  );
}
