/** The text of a definition in CodeMirror: the heavy part of the editor, in a chunk of its own. */
import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, type Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { getNonce } from "get-nonce";
import { useEffect, useRef } from "react";
import type { DefinitionProblem } from "@/lib/api/types";
import { type Catalogue, offersAt } from "./complete";
import { keysAt } from "./schema-at";
import { contextAt } from "./yaml-context";

export interface Place {
  line: number;
  column?: number | null;
}

export interface CodeEditorHandle {
  goTo: (place: Place) => void;
  replace: (text: string) => void;
}

export interface CodeEditorProps {
  initial: string;
  catalogue: Catalogue;
  problems: readonly DefinitionProblem[];
  readOnly: boolean;
  /** Ids of what explains the keys. */
  describedBy: string;
  onChange: (text: string) => void;
  /** Called when the editor is there, and with null when it goes. */
  onReady: (handle: CodeEditorHandle | null) => void;
}

export default function CodeEditor(props: CodeEditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { problems, readOnly } = props;

  useEffect(() => {
    if (!box.current) return;
    const made = new EditorView({
      parent: box.current,
      state: EditorState.create({ doc: latest.current.initial, extensions: extensionsFor(latest) }),
    });
    view.current = made;
    latest.current.onReady({
      goTo: (place) => goTo(made, place),
      replace: (text) => made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: text } }),
    });
    return () => {
      latest.current.onReady(null);
      made.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const made = view.current;
    if (made) made.dispatch(setDiagnostics(made.state, diagnosticsOf(made.state.doc, problems)));
  }, [problems]);

  useEffect(() => {
    view.current?.dispatch({ effects: locked.reconfigure(lockedIf(readOnly)) });
  }, [readOnly]);

  return <div ref={box} className="code-editor h-full min-h-0" />;
}

const locked = new Compartment();
const lockedIf = (readOnly: boolean): Extension => [EditorState.readOnly.of(readOnly)];

function extensionsFor(latest: { readonly current: CodeEditorProps }): Extension[] {
  const nonce = getNonce();
  return [
    nonce ? EditorView.cspNonce.of(nonce) : [],
    lineNumbers(),
    lintGutter(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    search({ top: true }),
    yaml(),
    indentUnit.of("  "),
    syntaxHighlighting(COLOURS),
    autocompletion({
      override: [(context) => complete(context, latest.current.catalogue)],
      // After a key comes its value.
      activateOnCompletion: ({ type }) => type === ICONS.key,
      icons: false,
    }),
    hoverTooltip((view, position) => helpAt(view, position, latest.current.catalogue)),
    locked.of(lockedIf(latest.current.readOnly)),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({
      "aria-label": "Definition, YAML",
      "aria-describedby": latest.current.describedBy,
      // It can be reached as it is; checkers of accessibility ask for the word.
      tabindex: "0",
      spellcheck: "false",
      autocapitalize: "off",
      autocorrect: "off",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.onChange(update.state.doc.toString());
    }),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    LOOKS,
  ];
}

function complete(context: CompletionContext, catalogue: Catalogue): CompletionResult | null {
  const offers = offersAt(context.state.doc.toString(), context.pos, catalogue);
  if (!offers) return null;
  // Unasked only after something was typed: an empty line is often just an empty line.
  if (!context.explicit && context.pos === offers.from && !/[\s[{.]/.test(charBefore(context))) return null;
  // A name that is written whole needs no offer, and Enter is to begin a line after it.
  const whole = new Set(offers.options.filter(({ type }) => type !== "key").map(({ label }) => label));
  if (!context.explicit && whole.has(context.state.sliceDoc(offers.from, context.pos))) return null;
  return {
    from: offers.from,
    options: offers.options.map(({ label, detail, help, apply, type, boost }) => ({
      label,
      detail,
      boost,
      type: ICONS[type],
      ...(help && { info: help }),
      ...(apply && { apply }),
    })),
    validFor: (text) => /^[\w.-]*$/.test(text) && !whole.has(text),
  };
}

const ICONS = { key: "property", value: "enum", name: "constant", expression: "variable" } as const;
const charBefore = ({ state, pos }: CompletionContext): string => state.sliceDoc(Math.max(0, pos - 1), pos);

function helpAt(view: EditorView, position: number, { schema }: Catalogue) {
  if (!schema) return null;
  const word = view.state.wordAt(position);
  if (!word) return null;
  const context = contextAt(view.state.doc.toString(), word.to);
  if (context?.place !== "key") return null;
  const name = view.state.sliceDoc(word.from, word.to);
  const found = keysAt(schema, context.path).find((key) => key.name === name);
  if (!found || !(found.help || found.kind)) return null;
  return {
    pos: word.from,
    end: word.to,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "cm-help";
      dom.textContent = [found.help, found.kind].filter(Boolean).join(" · ");
      return { dom };
    },
  };
}

/** Lines and columns count from 1, and columns count characters, not halves of them. */
function offsetOf(text: Text, { line, column }: Place): number {
  const found = text.line(Math.min(Math.max(line, 1), text.lines));
  const before = [...found.text].slice(0, Math.max((column ?? 1) - 1, 0)).join("");
  return found.from + Math.min(before.length, found.length);
}

function diagnosticsOf(text: Text, problems: readonly DefinitionProblem[]): Diagnostic[] {
  return problems.map(({ line, column, message, path }) => {
    const place = { line: line ?? 1, column };
    let from = offsetOf(text, place);
    const { text: whole, from: start, to: end } = text.lineAt(from);
    // Where there is nothing to underline, the character before.
    if (from === end && from > start) from -= 1;
    const word = /^(?:"[^"]*"?|'[^']*'?|[^\s,\]}#]+)/.exec(whole.slice(from - start))?.[0] ?? "";
    const to = Math.min(from + Math.max(word.length, 1), end);
    return { from, to, severity: "error", message: path ? `${path}: ${message}` : message };
  });
}

function goTo(view: EditorView, place: Place): void {
  const at = offsetOf(view.state.doc, place);
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  view.focus();
}

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--run)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--hold)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--muted)" },
]);

const LOOKS = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--fg)" },
  "&.cm-focused": { outline: "none" }, // the card around it has the focus ring
  ".cm-scroller": { fontFamily: "var(--font-mono, monospace)", fontSize: "12px", lineHeight: "18px" },
  ".cm-content": { caretColor: "var(--fg)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--fg)" },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--muted)",
    borderRight: "1px solid var(--border)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--surface-2)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)",
  },
  ".cm-selectionMatch, .cm-searchMatch": {
    backgroundColor: "color-mix(in srgb, var(--warn) 25%, transparent)",
  },
  ".cm-tooltip, .cm-panels": {
    backgroundColor: "var(--surface)",
    color: "var(--fg)",
    border: "1px solid var(--border)",
    borderRadius: "6px",
    boxShadow: "var(--shadow)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--font-mono, monospace)", fontSize: "12px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--on-accent)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail": { color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", fontFamily: "var(--font-sans)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
  ".cm-completionInfo, .cm-help, .cm-diagnostic": {
    fontSize: "12px",
    padding: "6px 8px",
    maxWidth: "360px",
  },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--err)" },
  ".cm-button, .cm-textfield": {
    backgroundImage: "none",
    backgroundColor: "var(--surface)",
    color: "var(--fg)",
    border: "1px solid var(--muted)",
    borderRadius: "6px",
  },
});
