/** Agents as compact cards or rows. Up to 200 are plain markup; above that only those in sight exist. */
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { useSteady } from "@/components/work/steady";
import type { DashboardAgent } from "@/lib/api/types";
import { count } from "@/lib/format";
import { AgentCard, AgentRow, AgentRowHead } from "./agent-card";

interface AgentListProps {
  agents: readonly DashboardAgent[];
  view: "cards" | "table";
}

const VIRTUAL_ABOVE = 200;
const CARD_HEIGHT = 76;
const ROW_HEIGHT = 44;
const GAP = 8;
const CARD_WIDTH = 260;

export function AgentList({ agents, view }: AgentListProps) {
  const { shown, fresh, release, area } = useSteady(agents);
  return (
    <div className="relative" {...area}>
      {fresh > 0 && (
        <div className="sticky top-14 z-10 flex justify-center">
          <Button size="sm" className="absolute" onClick={release}>
            Show {count(fresh)} new
          </Button>
        </div>
      )}
      {view === "table" ? (
        <div className="card">
          <AgentRowHead />
          <Grid
            agents={shown}
            columns={1}
            height={ROW_HEIGHT}
            gap={0}
            render={(agent) => <AgentRow agent={agent} />}
          />
        </div>
      ) : (
        <Cards agents={shown} />
      )}
    </div>
  );
}

function Cards({ agents }: { agents: readonly DashboardAgent[] }) {
  const box = useRef<HTMLDivElement>(null);
  const columns = useColumns(box);
  return (
    <div ref={box}>
      <Grid
        agents={agents}
        columns={columns}
        height={CARD_HEIGHT}
        gap={GAP}
        render={(agent) => <AgentCard agent={agent} />}
      />
    </div>
  );
}

function useColumns(box: React.RefObject<HTMLElement | null>): number {
  const [columns, setColumns] = useState(4);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () =>
      setColumns(Math.max(1, Math.floor((element.clientWidth + GAP) / (CARD_WIDTH + GAP))));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return columns;
}

interface GridProps {
  agents: readonly DashboardAgent[];
  columns: number;
  height: number;
  gap: number;
  render: (agent: DashboardAgent) => React.ReactNode;
}

function Grid(props: GridProps) {
  return props.agents.length > VIRTUAL_ABOVE ? <VirtualGrid {...props} /> : <PlainGrid {...props} />;
}

const columnStyle = (columns: number, gap: number) => ({
  gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
  gap,
});

function PlainGrid({ agents, columns, height, gap, render }: GridProps) {
  return (
    <ul aria-label="Agents" className="grid" style={columnStyle(columns, gap)}>
      {agents.map((agent) => (
        <li key={agent.id} style={{ height }}>
          {render(agent)}
        </li>
      ))}
    </ul>
  );
}

function VirtualGrid({ agents, columns, height, gap, render }: GridProps) {
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const rows = Math.ceil(agents.length / columns);
  const virtual = useWindowVirtualizer({
    count: rows,
    estimateSize: () => height + gap,
    overscan: 4,
    scrollMargin: top,
    getItemKey: (row) => agents[row * columns]?.id ?? row,
  });
  const first = (virtual.getVirtualItems()[0]?.index ?? 0) * columns;
  const last = ((virtual.getVirtualItems().at(-1)?.index ?? 0) + 1) * columns;
  const offset = (virtual.getVirtualItems()[0]?.start ?? top) - top;
  return (
    <div ref={list} style={{ height: virtual.getTotalSize() }}>
      <ul
        aria-label={`Agents, ${count(agents.length)} in all`}
        className="grid"
        style={{ ...columnStyle(columns, gap), transform: `translateY(${offset}px)` }}
      >
        {agents.slice(first, last).map((agent, index) => (
          <li
            key={agent.id}
            aria-posinset={first + index + 1}
            aria-setsize={agents.length}
            style={{ height }}
          >
            {render(agent)}
          </li>
        ))}
      </ul>
    </div>
  );
}
