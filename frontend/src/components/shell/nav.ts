import {
  Bell,
  Bot,
  CalendarClock,
  ChartLine,
  Hand,
  LayoutDashboard,
  type LucideIcon,
  Settings,
  SquareTerminal,
  Workflow,
} from "lucide-react";

export type NavItem = {
  to:
    | "/"
    | "/agents"
    | "/workflows"
    | "/commands"
    | "/schedules"
    | "/approvals"
    | "/alerts"
    | "/metrics"
    | "/settings";
  label: string;
  icon: LucideIcon;
  /** Pages without an entry of their own that belong to this one. */
  also?: string[];
  /** The letter after `g`. */
  key: string;
};
export const navItems: NavItem[] = [
  { to: "/", label: "Dashboard", icon: LayoutDashboard, key: "d" },
  { to: "/agents", label: "Agents", icon: Bot, key: "a", also: ["/connect", "/sessions"] },
  { to: "/workflows", label: "Workflows", icon: Workflow, key: "w", also: ["/runs"] },
  { to: "/commands", label: "Commands", icon: SquareTerminal, key: "c", also: ["/command-runs"] },
  { to: "/schedules", label: "Schedules", icon: CalendarClock, key: "t" },
  { to: "/approvals", label: "Approvals", icon: Hand, key: "p" },
  { to: "/alerts", label: "Alerts", icon: Bell, key: "l" },
  { to: "/metrics", label: "Metrics", icon: ChartLine, key: "m" },
  { to: "/settings", label: "Settings", icon: Settings, key: "s", also: ["/webhooks", "/keys"] },
];
