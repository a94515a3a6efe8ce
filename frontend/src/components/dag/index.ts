export { Dag, FullScreenDag } from "./dag";
export { Outline } from "./outline";
export type { DagStep } from "./step";
