/** How every cursor list is read: page by page, each page by the opaque cursor of the one before. */
import { type InfiniteData, infiniteQueryOptions, type QueryKey } from "@tanstack/react-query";
import { cursorOf } from "./client";
import type { Page } from "./types";

type Cursor = string | undefined;
type Reader<Row> = (cursor: Cursor, signal: AbortSignal) => Promise<Page<Row>>;

export function cursorList<Row>(queryKey: QueryKey, read: Reader<Row>) {
  return infiniteQueryOptions<Page<Row>, Error, Row[], QueryKey, Cursor>({
    queryKey,
    queryFn: ({ pageParam, signal }) => read(pageParam, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => cursorOf(last.next),
    select: (data: InfiniteData<Page<Row>, Cursor>) => data.pages.flatMap(({ results }) => results),
  });
}
