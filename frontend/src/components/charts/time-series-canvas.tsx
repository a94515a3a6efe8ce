/** The drawn chart: owns one uPlot instance, fits it to its box and follows the theme. Loaded lazily. */
import { useEffect, useEffectEvent, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type PlotSettings, plotOptions } from "./plot";
import type { Series } from "./series";

export interface TimeSeriesCanvasProps extends Omit<PlotSettings, "onCursor"> {
  at: readonly number[];
  onCursor: (index: number | null) => void;
}

export default function TimeSeriesCanvas({ at, ...settings }: TimeSeriesCanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = settings.series.map(({ key, tone }) => `${key}:${tone}`).join();

  const create = useEffectEvent((element: HTMLElement) => {
    const { width, height } = element.getBoundingClientRect();
    return new uPlot(
      plotOptions({ ...settings, onCursor: moveCursor }, width, height),
      columns(at, settings.series),
      element,
    );
  });
  const moveCursor = useEffectEvent((index: number | null) => settings.onCursor(index));

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plot is rebuilt only when its set of lines changes
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const created = create(element);
    plot.current = created;
    const stopFitting = keepFitting(created, element);
    const stopFollowing = followTheme(() => created.redraw());
    return () => {
      stopFitting();
      stopFollowing();
      created.destroy();
      plot.current = null;
    };
  }, [shape, settings.unit, settings.ceiling, settings.syncKey, settings.labelled]);

  useEffect(() => {
    plot.current?.setData(columns(at, settings.series));
  }, [at, settings.series]);

  return <div ref={box} className="absolute inset-0" />;
}

function columns(at: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [at as number[], ...series.map(({ values }) => values as (number | null)[])];
}

function keepFitting(plot: uPlot, element: HTMLElement): () => void {
  const observer = new ResizeObserver(([entry]) => {
    const size = entry?.contentRect;
    if (size && size.width > 0) plot.setSize({ width: size.width, height: size.height });
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** Calls back after the theme of the page or of the system changed. */
function followTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}
