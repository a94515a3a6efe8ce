import { Monitor, Moon, Sun } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { type ThemeChoice, theme } from "@/app/theme";
import { Menu, MenuChoices, MenuItem, MenuLabel, MenuSeparator } from "@/components/ui/menu";
import { useMe } from "@/hooks";
import { project } from "@/lib/api/client";
import { session } from "@/lib/api/session";

const themes = [
  { value: "system", label: "System", icon: <Monitor size={14} aria-hidden="true" /> },
  { value: "light", label: "Light", icon: <Sun size={14} aria-hidden="true" /> },
  { value: "dark", label: "Dark", icon: <Moon size={14} aria-hidden="true" /> },
];

interface UserMenuProps {
  trigger: ReactNode;
  /** Absent when there is nothing to stop, or this user may not. */
  onStop: (() => void) | undefined;
}

export default function UserMenu({ trigger, onStop }: UserMenuProps) {
  const { data: me } = useMe();
  const choice = useSyncExternalStore(theme.subscribe, theme.read);
  return (
    <Menu trigger={trigger} defaultOpen>
      {me && (
        <MenuLabel>
          {me.name || me.username} · {me.project.role}
        </MenuLabel>
      )}
      {me && me.projects.length > 1 && (
        <>
          <MenuLabel>Project</MenuLabel>
          <MenuChoices
            value={me.project.slug}
            onChange={(slug) => {
              project.set(slug);
              // Every cache, the socket and its position belong to the old project.
              window.location.assign("/");
            }}
            choices={me.projects.map((each) => ({ value: each.slug, label: each.name }))}
          />
        </>
      )}
      <MenuSeparator />
      <MenuLabel>Theme</MenuLabel>
      <MenuChoices value={choice} onChange={(value) => theme.set(value as ThemeChoice)} choices={themes} />
      <MenuSeparator />
      {onStop && (
        <MenuItem danger onSelect={onStop}>
          Stop everything
        </MenuItem>
      )}
      <MenuItem onSelect={() => void session.signOut()}>Sign out</MenuItem>
    </Menu>
  );
}
