export type { Series, Tone } from "./series";
export { Sparkline } from "./sparkline";
export { TimeSeries, type TimeSeriesProps } from "./time-series";
