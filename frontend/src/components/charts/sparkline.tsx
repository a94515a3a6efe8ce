/** A tiny line without axes for a table cell or a stat; decoration beside a number, so it is hidden from readers. */
import type { Tone } from "./series";

const WIDTH = 100;
const HEIGHT = 24;

interface SparklineProps {
  values: readonly (number | null)[];
  tone?: Tone;
  className?: string;
}

const strokes: Record<Tone, string> = {
  run: "var(--run)",
  ok: "var(--ok)",
  err: "var(--err)",
  warn: "var(--warn)",
  neutral: "var(--muted)",
};

export function Sparkline({ values, tone = "run", className = "h-6 w-24" }: SparklineProps) {
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={className}
      fill="none"
      stroke={strokes[tone]}
    >
      <path
        d={sparkPath(values)}
        strokeWidth={1.5}
        strokeLinecap="round"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** The SVG path of the values, scaled from 0 to their maximum; a gap lifts the pen. */
export function sparkPath(values: readonly (number | null)[]): string {
  const max = Math.max(...values.map((value) => value ?? 0), 0) || 1;
  const dx = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  let pen = "M";
  const parts: string[] = [];
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const y = HEIGHT - 2 - (Math.max(0, value) / max) * (HEIGHT - 4);
    parts.push(`${pen}${round(index * dx)} ${round(y)}`);
    if (pen === "M" && values[index + 1] == null) parts.push(`h0.01`);
    pen = "L";
  });
  return parts.join("");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
