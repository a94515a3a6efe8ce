import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { queryClient } from "@/app/query";
import { makeRouter } from "@/app/router";

/** The whole application at an address, as the browser would show it. */
export function renderApp(path: string) {
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }));
  const page = render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return { ...page, router };
}
