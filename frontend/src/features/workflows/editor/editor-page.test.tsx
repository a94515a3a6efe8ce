import { EditorView } from "@codemirror/view";
import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/workflow-edit.lazy";
import "./code-editor";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { DefinitionProblem, Me, Validation } from "@/lib/api/types";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeWorkflow, page } from "@/testing/work";

const SOURCE = "name: Bug Lifecycle\nslug: bug-lifecycle\nsteps:\n  - {key: triage, command: bug.triage}\n";
const at = "2026-11-22T12:00:00.000000Z";

beforeAll(() => {
  server.listen({ onUnhandledRequest: "bypass" });
  // jsdom lays nothing out; CodeMirror only asks where things are.
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  Range.prototype.getBoundingClientRect = () => new DOMRect();
});
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const problem = (over: Partial<DefinitionProblem> = {}): DefinitionProblem => ({
  path: "steps[0].command",
  message: "there is no command 'bug.tirage'",
  line: 4,
  column: 28,
  ...over,
});

function answerTo(source: string, version: number): Validation {
  const isBroken = source.includes("broken");
  const problems = source.includes("tirage") ? [problem()] : [];
  if (isBroken) problems.push(problem({ path: "", message: "not YAML", line: 5, column: 1 }));
  const workflow = makeWorkflow();
  return {
    valid: problems.length === 0,
    problems,
    graph: isBroken ? null : { steps: workflow.steps },
    input_schema: isBroken ? null : workflow.input,
    name: "Bug Lifecycle",
    slug: "bug-lifecycle",
    description: "",
    difference: {
      changes: [{ path: "name", kind: "changed", before: "Bug Lifecycle", after: "Bugs" }],
      steps: [],
      text: "--- a\n+++ b\n@@ -1 +1 @@\n-name: Bug Lifecycle\n+name: Bugs\n",
      text_only: false,
      current: { number: version, by: "grace", at, checksum: "c" },
    },
  } as Validation;
}

/** A server with one workflow, and what it was asked to save. */
function serve({ version = 1, me = makeMe() }: { version?: number; me?: Me } = {}) {
  const state = { version, saved: [] as unknown[] };
  const workflow = () => ({
    ...makeWorkflow({ version: state.version }),
    source: SOURCE,
    created_by: "grace",
    saved_at: at,
  });
  server.use(
    http.get("*/api/v1/me/", () => HttpResponse.json(me)),
    http.get("*/api/v1/workflows/", () => HttpResponse.json(page([workflow()]))),
    http.get("*/api/v1/workflows/schema/", () => HttpResponse.json({ type: "object" })),
    http.get("*/api/v1/workflows/bug-lifecycle/", () => HttpResponse.json(workflow())),
    http.get("*/api/v1/commands/", () => HttpResponse.json(page([]))),
    http.get("*/api/v1/agents/", () => HttpResponse.json(page([]))),
    http.post("*/api/v1/workflows/validation/", async ({ request }) => {
      const { source } = (await request.json()) as { source: string };
      return HttpResponse.json(answerTo(source, state.version));
    }),
    http.post("*/api/v1/workflows/bug-lifecycle/versions/", async ({ request }) => {
      const body = (await request.json()) as { base_version: number };
      state.saved.push(body);
      if (body.base_version !== state.version) {
        return HttpResponse.json({ status: 409, detail: "There is a newer version." }, { status: 409 });
      }
      state.version += 1;
      const saved = { slug: "bug-lifecycle", name: "Bugs", version: state.version, is_new_version: true };
      return HttpResponse.json(saved, { status: 201 });
    }),
  );
  return state;
}

async function opened(path = "/workflows/bug-lifecycle/edit") {
  const app = renderApp(path);
  const box = await screen.findByRole("textbox", { name: "Definition, YAML" });
  const view = EditorView.findFromDOM(box);
  if (!view) throw new Error("there is no editor");
  const write = (from: string, to: string) =>
    act(() => {
      const at = view.state.doc.toString().indexOf(from);
      view.dispatch({ changes: { from: at, to: at + from.length, insert: to } });
    });
  return { ...app, view, write };
}

describe("writing", () => {
  it("says what is wrong by line, leads there, and keeps the last graph", async () => {
    serve();
    const { view, write, container } = await opened();
    await screen.findByText("No problems");
    write("bug.triage", "bug.tirage");
    const list = within(await screen.findByRole("list", { name: "Problems" }));
    await userEvent.click(list.getByRole("button", { name: /Line 4.*no command 'bug.tirage'/ }));
    await waitFor(() => expect(view.state.doc.lineAt(view.state.selection.main.head).number).toBe(4));
    expect(container.querySelector(".cm-lintRange-error")).toHaveTextContent("bug.tirage");
    expect(container.querySelector("[data-stale]")).toBeNull();
    write("slug", "broken");
    expect(await screen.findByText(/This is how it was before line/)).toBeInTheDocument();
    expect(container.querySelector("[data-stale]")).toHaveTextContent("Triage the report");
    write("broken", "slug");
    write("bug.tirage", "bug.triage");
    await screen.findByText("No problems");
  });

  it("shows what changes before it saves the next version", async () => {
    const state = serve();
    const { write } = await opened();
    expect(screen.getByRole("button", { name: "Save…" })).toBeDisabled();
    write("name: Bug Lifecycle", "name: Bugs");
    await userEvent.keyboard("{Control>}s{/Control}");
    const dialog = within(await screen.findByRole("dialog", { name: "Save version 2" }));
    expect(await dialog.findByText("1 field of the workflow")).toBeInTheDocument();
    expect(dialog.getByText("Removed:").parentElement).toHaveTextContent("name: Bug Lifecycle");
    const button = await dialog.findByRole("button", { name: "Save version 2" });
    await waitFor(() => expect(button).toHaveFocus());
    await userEvent.keyboard("{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(state.saved).toEqual([{ source: SOURCE.replace("Bug Lifecycle", "Bugs"), base_version: 1 }]);
    expect(await screen.findByText("Version 2")).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Save…" })).toBeDisabled();
  });

  it("says when somebody saved meanwhile, and saves on top of it when asked", async () => {
    const state = serve();
    const { write } = await opened();
    write("name: Bug Lifecycle", "name: Bugs");
    state.version = 2;
    await userEvent.click(screen.getByRole("button", { name: "Save…" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByRole("alert")).toHaveTextContent(/grace saved version 2 .* from version 1/);
    await userEvent.click(dialog.getByRole("button", { name: "Save on top of version 2" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(state.saved).toMatchObject([{ base_version: 2 }]);
  });

  it("shows a version that arrives while one reads, and keeps what one wrote", async () => {
    const state = serve();
    const { view, write } = await opened();
    write("name: Bug Lifecycle", "name: Bugs");
    state.version = 5;
    await act(() => queryClient.invalidateQueries({ queryKey: ["workflows"] }));
    expect(await screen.findByText(/grace saved version 5/)).toHaveTextContent("is still here");
    expect(view.state.doc.toString()).toContain("name: Bugs");
    await userEvent.click(screen.getByRole("button", { name: "Drop mine and load it" }));
    expect(view.state.doc.toString()).toBe(SOURCE);
    expect(await screen.findByText("Version 5")).toBeInTheDocument();
  });

  it("asks before what was written is lost", async () => {
    serve();
    const { router, write } = await opened();
    write("name: Bug Lifecycle", "name: Bugs");
    act(() => void router.navigate({ to: "/workflows" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Leave without saving?" }));
    await userEvent.click(dialog.getByRole("button", { name: "Keep editing" }));
    expect(router.state.location.pathname).toBe("/workflows/bug-lifecycle/edit");
    act(() => void router.navigate({ to: "/workflows" }));
    await userEvent.click(await screen.findByRole("button", { name: "Leave" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/workflows"));
  });

  it("is reading only for a viewer", async () => {
    const me = makeMe();
    serve({ me: { ...me, project: { ...me.project, role: "viewer" } } });
    const { view } = await opened();
    expect(view.state.readOnly).toBe(true);
    expect(screen.queryByRole("button", { name: "Save…" })).toBeNull();
  });
});

describe("a new workflow", () => {
  beforeEach(() => {
    serve();
  });

  it("starts from a text that works and gets its own page when it is saved", async () => {
    const seen: { source: string }[] = [];
    server.use(
      http.post("*/api/v1/workflows/", async ({ request }) => {
        seen.push((await request.json()) as { source: string });
        const saved = { slug: "bug-lifecycle", name: "N", version: 1, is_new_version: true };
        return HttpResponse.json(saved, { status: 201 });
      }),
    );
    const { router } = await opened("/workflows/new");
    await userEvent.click(await screen.findByRole("button", { name: "Create" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/workflows/bug-lifecycle/edit"));
    expect(seen[0]?.source).toContain("slug: new-workflow");
  });

  it("can be a copy", async () => {
    const { view } = await opened("/workflows/new?from=bug-lifecycle");
    expect(view.state.doc.toString()).toContain("name: Bug Lifecycle (copy)\nslug: bug-lifecycle-copy\n");
  });
});
