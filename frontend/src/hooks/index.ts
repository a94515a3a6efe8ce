export { useAgentStatus, useDashboardStats, useOpenAlerts, useRecentWorkflows } from "./useDashboard";
export { useMatches } from "./useMatches";
export { meQuery, useCanOperate, useMe } from "./useMe";
export { useOpenApprovals } from "./useOpenApprovals";
export { usePause } from "./usePause";
export { useSettled } from "./useSettled";
export { useStable } from "./useStable";
export { useWebSocket } from "./useWebSocket";
