import { useNavigate, useSearch } from "@tanstack/react-router";

/** The span that the address names, so that it can be linked and the way back closes it. */
export function useShownSpan() {
  const { span }: { span?: number } = useSearch({ strict: false });
  const navigate = useNavigate();
  const go = (id: number | undefined, replace: boolean) =>
    void navigate({ to: ".", search: (old) => ({ ...old, span: id }), replace, resetScroll: false });
  return { span, show: (id: number) => go(id, false), close: () => go(undefined, true) };
}
