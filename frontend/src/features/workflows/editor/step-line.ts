/** The line, from 1, on which a step of a definition says its key; null when there is none. */
export function lineOfStep(text: string, key: string): number | null {
  const said = new RegExp(`(^|[-{,\\s])"?key"?:\\s*["']?${key}(?![\\w-])`);
  const index = text.split("\n").findIndex((line) => said.test(line));
  return index < 0 ? null : index + 1;
}
