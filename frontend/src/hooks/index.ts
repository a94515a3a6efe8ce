export { useAgentStatus, useDashboardStats, useOpenAlerts, useRecentWorkflows } from "./useDashboard";
export { meQuery, useCanOperate, useMe } from "./useMe";
export { useOpenApprovals } from "./useOpenApprovals";
export { usePause } from "./usePause";
export { useSettled } from "./useSettled";
export { useWebSocket } from "./useWebSocket";
