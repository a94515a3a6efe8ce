export { useAgentStatus, useDashboardStats, useOpenAlerts, useRecentWorkflows } from "./useDashboard";
export { meQuery, useCanOperate, useMe } from "./useMe";
export { useSettled } from "./useSettled";
export { useWebSocket } from "./useWebSocket";
