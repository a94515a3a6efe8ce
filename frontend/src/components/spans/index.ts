export { ActivityRows, KnownCost } from "./activity-rows";
export { SpanTree } from "./span-tree";
