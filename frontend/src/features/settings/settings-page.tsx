import { Link } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { type ThemeChoice, theme } from "@/app/theme";
import { DemoLabel } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field, Select } from "@/components/ui/field";
import { Page } from "@/components/ui/page";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { useCanOperate, useMe } from "@/hooks";
import { session } from "@/lib/api/session";
import { words } from "@/lib/format";
import { Facts } from "./facts";
import { Health } from "./health";
import { Limits } from "./limits";
import { Notices } from "./notices";
import { Webhooks } from "./webhooks";

export function SettingsPage() {
  const { data: me } = useMe();
  const mayReadWebhooks = useCanOperate();
  return (
    <Page title="Settings">
      <div className="grid items-start gap-3 lg:grid-cols-2">
        <Profile />
        <Health />
        <Limits />
        {mayReadWebhooks && <Webhooks />}
        {me?.project.role === "admin" && <Notices />}
        {me?.project.role === "admin" && <Keys />}
      </div>
    </Page>
  );
}

function Keys() {
  return (
    <Card title="API keys">
      <p className="text-table text-muted">
        Agents and programs sign in with a key: scoped, for one agent or the fleet, rotated without a pause,
        revoked within a second.
      </p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Link to="/keys" className={buttonClass("secondary", "sm")}>
          Open keys
        </Link>
        <Link to="/connect" className={buttonClass("ghost", "sm")}>
          Connect an agent
        </Link>
      </div>
    </Card>
  );
}

function Profile() {
  const { data: me, error, refetch } = useMe();
  const choice = useSyncExternalStore(theme.subscribe, theme.read);
  return (
    <Card
      title="You and this server"
      actions={
        <Button size="sm" onClick={() => void session.signOut()}>
          Sign out
        </Button>
      }
    >
      {me ? (
        <div className="flex flex-col gap-4">
          <Facts
            rows={[
              ["Signed in as", me.name || me.username],
              ["Project", me.project.name],
              ["Role", words(me.project.role || "none")],
              [
                "Model",
                <span key="model" className="inline-flex items-center gap-2">
                  {me.server.model.name}
                  {me.server.model.demo && <DemoLabel />}
                </span>,
              ],
              ["Version", `${me.server.version}, ${me.server.mode}`],
              ["Time zone", me.server.time_zone],
            ]}
          />
          <Field label="Theme" className="max-w-56">
            {(props) => (
              <Select
                {...props}
                value={choice}
                onChange={(event) => theme.set(event.target.value as ThemeChoice)}
              >
                <option value="system">System</option>
                <option value="light">Light</option>
                <option value="dark">Dark</option>
              </Select>
            )}
          </Field>
        </div>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="Your profile could not be loaded" />
      ) : (
        <SkeletonRows rows={5} className="h-5" />
      )}
    </Card>
  );
}
