export { ActivityRows, KnownCost } from "./activity-rows";
export { SpanDialog } from "./span-dialog";
export { SpanTree } from "./span-tree";
