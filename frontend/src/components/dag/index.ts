export { Dag, FullScreenDag } from "./dag";
export { ItemsBar } from "./items-bar";
export { Outline } from "./outline";
export { type DagStep, describeItems, type ItemCounts } from "./step";
