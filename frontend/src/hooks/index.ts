export { useAgentStatus, useDashboardStats, useOpenAlerts, useRecentWorkflows } from "./useDashboard";
export { meQuery, useCanOperate, useMe } from "./useMe";
export { useWebSocket } from "./useWebSocket";
