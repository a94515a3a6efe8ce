/** Text that grows while an agent writes. Follows the end as long as the reader is there. */
import { useLayoutEffect, useRef } from "react";
import { Prose } from "./prose";

/** A reader this close to the end is following it. */
const NEAR_END_PX = 24;

export function LiveText({ text, label }: { text: string; label: string }) {
  const box = useRef<HTMLElement>(null);
  const following = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is the reason to scroll
  useLayoutEffect(() => {
    if (box.current && following.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);

  return (
    <section
      ref={box}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        following.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
      }}
      className="max-h-80 min-h-24 overflow-y-auto rounded-control bg-surface-2 p-3"
    >
      <Prose text={text} />
      <span aria-hidden className="mt-1 block h-3.5 w-1.5 bg-run" />
    </section>
  );
}
