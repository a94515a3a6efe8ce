export { Batch } from "./batch";
export { applyEvents, applyTicks, asJournalEvent, type Cache, writeSnapshot } from "./cache";
export type * from "./protocol";
export { type LiveState, reduce } from "./reducer";
export { LiveSocket, type LiveStatus, type Phase } from "./socket";
