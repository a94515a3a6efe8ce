/** A path the server names, such as `/runs?status=failed`, as the properties of a router link. */
export function linkTo(url: string): { to: string; search: Record<string, string> } {
  const { pathname, searchParams } = new URL(url, "http://internal");
  return { to: pathname, search: Object.fromEntries(searchParams) };
}
