/** What differs between two texts, line by line. Plain functions. */

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
}

/** Beyond so many comparisons the middle is shown as replaced whole: nobody waits for a nicer answer. */
const MOST_COMPARED = 4_000_000;

/** The lines of both texts in order: those of `before` alone are removed, those of `after` alone added. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.split("\n");
  const b = after === "" ? [] : after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return [
    ...lines("same", a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...lines("same", a.slice(a.length - end)),
  ];
}

const lines = (kind: DiffLine["kind"], texts: readonly string[]): DiffLine[] =>
  texts.map((text) => ({ kind, text }));

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  if (a.length * b.length > MOST_COMPARED || a.length === 0 || b.length === 0)
    return [...lines("removed", a), ...lines("added", b)];
  // longest[i][j]: how many lines the rest of a from i and of b from j have in common.
  const wide = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * wide);
  const at = (i: number, j: number): number => longest[i * wide + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      longest[i * wide + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found.push({ kind: "same", text: a[i] as string });
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) found.push({ kind: "removed", text: a[i++] as string });
    else found.push({ kind: "added", text: b[j++] as string });
  }
  return [...found, ...lines("removed", a.slice(i)), ...lines("added", b.slice(j))];
}

/** The changed lines with so many unchanged ones around them; null stands for what is left out. */
export function withContext(diff: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const kept = new Set<number>();
  diff.forEach(({ kind }, index) => {
    if (kind === "same") return;
    for (let near = index - around; near <= index + around; near++) kept.add(near);
  });
  const shown: (DiffLine | null)[] = [];
  diff.forEach((line, index) => {
    if (kept.has(index)) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}
