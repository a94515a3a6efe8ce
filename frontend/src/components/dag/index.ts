export { Dag } from "./dag";
export { Outline } from "./outline";
export type { DagStep } from "./step";
