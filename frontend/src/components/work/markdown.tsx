/**
 * Markdown an agent wrote, as React elements: no raw HTML, no images (a picture's address could carry
 * data out), links to http(s) only, with their host shown. Loaded lazily.
 */
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { visibleText } from "@/lib/format";

const plugins = [remarkGfm];

/** Headings of a text are not headings of the page. */
const heading: Components["h1"] = ({ children }) => <p className="font-semibold">{children}</p>;

const components: Components = {
  h1: heading,
  h2: heading,
  h3: heading,
  h4: heading,
  h5: heading,
  h6: heading,
  a: ({ href, children }) => <OutsideLink href={href}>{children}</OutsideLink>,
  img: ({ alt, src }) => <span className="text-muted">[image: {alt || String(src ?? "")}]</span>,
  code: ({ children }) => (
    <code className="rounded-[4px] bg-surface-2 px-1 font-mono text-meta">{children}</code>
  ),
  pre: ({ children }) => (
    <pre className="overflow-x-auto rounded-control bg-surface-2 p-3 font-mono text-meta leading-[18px] [&_code]:p-0">
      {children}
    </pre>
  ),
  p: ({ children }) => <p className="whitespace-pre-line">{children}</p>,
  ul: ({ children }) => <ul className="list-disc pl-5">{children}</ul>,
  ol: ({ children, start }) => (
    <ol start={start} className="list-decimal pl-5">
      {children}
    </ol>
  ),
  blockquote: ({ children }) => (
    <blockquote className="border-l-[3px] pl-3 text-muted">{children}</blockquote>
  ),
  table: ({ children }) => (
    <div className="overflow-x-auto">
      <table className="text-table [&_td]:border [&_td]:px-2 [&_td]:py-1 [&_th]:border [&_th]:px-2 [&_th]:py-1 [&_th]:text-left">
        {children}
      </table>
    </div>
  ),
  input: ({ checked }) => <span aria-hidden>{checked ? "☑" : "☐"}</span>,
};

function OutsideLink({ href, children }: { href: string | undefined; children: React.ReactNode }) {
  const host = hostOf(href);
  if (!host) return <span>{children}</span>;
  return (
    <>
      <a
        href={href}
        target="_blank"
        rel="noopener noreferrer nofollow"
        className="text-accent hover:underline"
      >
        {children}
      </a>{" "}
      <span className="text-meta text-muted">({host})</span>
    </>
  );
}

function hostOf(href: string | undefined): string | null {
  if (!href || !/^https?:\/\//i.test(href)) return null;
  try {
    return new URL(href).host;
  } catch {
    return null;
  }
}

export default function Markdown({ text }: { text: string }) {
  return (
    <div className="flex flex-col gap-2 text-body wrap-anywhere [&_li>p]:my-0">
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {visibleText(text)}
      </ReactMarkdown>
    </div>
  );
}
