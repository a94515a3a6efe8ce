/** Text an agent wrote. Plain until its markdown is ready to be drawn, and plain when it is very long. */
import { lazy, Suspense } from "react";
import { UntrustedText } from "@/components/ui/untrusted";
import { patiently } from "@/lib/new-build";

const Markdown = lazy(() => patiently(() => import("./markdown")));

/** Laying out more markdown than this would be felt. */
const MOST_FORMATTED = 40_000;

export function Prose({ text }: { text: string }) {
  const plain = <UntrustedText text={text} className="text-body" />;
  if (text.length > MOST_FORMATTED) return plain;
  return (
    <Suspense fallback={plain}>
      <Markdown text={text} />
    </Suspense>
  );
}
