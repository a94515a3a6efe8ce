import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { Logo } from "@/components/shell/logo";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { ApiError, messageOf } from "@/lib/api/errors";
import { session } from "@/lib/api/session";

/** One sentence that says what to do next; never whether the user exists. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 400 || error.status === 401) return "User name or password is wrong.";
    if (error.status === 429) {
      return error.retryAfter
        ? `Too many attempts. Try again in ${Math.ceil(error.retryAfter)} s.`
        : "Too many attempts. Wait a few minutes, then try again.";
    }
  }
  return messageOf(error);
}

export function LoginPage() {
  const { next } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const router = useRouter();
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · Mission Control";
  }, []);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await session.signIn(String(form.get("username")), String(form.get("password")));
      if (next) router.history.replace(next);
      else await navigate({ to: "/", replace: true });
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
    }
  };

  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <div className="w-full max-w-[360px]">
        <div className="mb-6 flex items-center gap-3">
          <Logo />
          <h1 className="text-title font-semibold">Mission Control</h1>
        </div>
        <form onSubmit={submit} className="card flex flex-col gap-4 p-6">
          <Field label="User name">
            {(props) => (
              <Input
                {...props}
                name="username"
                autoComplete="username"
                autoCapitalize="none"
                required
                autoFocus
              />
            )}
          </Field>
          <Field label="Password">
            {(props) => (
              <Input {...props} name="password" type="password" autoComplete="current-password" required />
            )}
          </Field>
          <p role="alert" className="min-h-5 text-table text-err empty:hidden">
            {error}
          </p>
          <Button type="submit" variant="primary" busy={busy}>
            {busy ? "Signing in" : "Sign in"}
          </Button>
        </form>
        <p className="mt-4 text-meta text-muted">
          First start? The server created the user <span className="font-mono">admin</span> and printed its
          password once.
        </p>
      </div>
    </main>
  );
}
