/** Who outside was told of a question, and whether it reached them. */
import { ChevronRight, RotateCw } from "lucide-react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { TimeAgo } from "@/components/ui/time-ago";
import { useCanOperate } from "@/hooks";
import { useSendAgain } from "@/lib/api/approvals";
import { messageOf } from "@/lib/api/errors";
import type { Approval, Notice } from "@/lib/api/types";
import { plural, sentence, visibleText } from "@/lib/format";

const looks: Record<Notice["state"], { status: string; label: string }> = {
  pending: { status: "queued", label: "On its way" },
  sent: { status: "completed", label: "Sent" },
  dead: { status: "failed", label: "Not delivered" },
};

export function Told({ approval }: { approval: Approval }) {
  const { notices, state } = approval;
  const undelivered = notices.filter((one) => one.state === "dead").length;
  if (notices.length === 0) return null;
  // Once it is decided, that somebody was not told any more is no news.
  const needsALook = state === "open" && undelivered > 0;
  return (
    <details open={needsALook} className="group text-table">
      <summary className="inline-flex cursor-pointer items-center gap-1 text-muted hover:text-fg max-md:min-h-11">
        <ChevronRight size={14} aria-hidden className="transition-transform group-open:rotate-90" />
        <span>{plural(notices.length, "notice")}</span>
        {needsALook && (
          <span data-tone="err" className="text-(--tone)">
            · {undelivered} not delivered
          </span>
        )}
      </summary>
      <ul aria-label="Notices" className="mt-1 flex flex-col">
        {notices.map((notice) => (
          <NoticeItem key={notice.id} notice={notice} approval={approval} />
        ))}
      </ul>
    </details>
  );
}

function NoticeItem({ notice, approval }: { notice: Notice; approval: Approval }) {
  const when = notice.sent_at ?? notice.next_at;
  const isRetry = notice.state === "pending" && notice.attempts > 0;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t py-1.5 first:border-t-0">
      <span className="min-w-0 flex-1 basis-48 wrap-anywhere">
        <span className="text-muted">{notice.kind === "email" ? "E-mail" : "Webhook"}</span>{" "}
        {visibleText(notice.target)}
      </span>
      <StatusText {...looks[notice.state]} />
      {when && (
        <span className="text-meta text-muted">
          {isRetry && "tried again "}
          <TimeAgo at={when} />
        </span>
      )}
      <SendAgain notice={notice} approval={approval} />
      {notice.error && (
        <p className="min-w-0 basis-full text-meta text-muted wrap-anywhere">
          {sentence(visibleText(notice.error))}
          {isRetry && ` After ${plural(notice.attempts, "attempt")}.`}
        </p>
      )}
    </li>
  );
}

function SendAgain({ notice, approval }: { notice: Notice; approval: Approval }) {
  const mayOperate = useCanOperate();
  const again = useSendAgain(approval.id);
  if (!mayOperate || approval.state !== "open") return null;
  return (
    <>
      <Button
        size="sm"
        variant="ghost"
        busy={again.isPending}
        aria-label={`Send again to ${visibleText(notice.target)}`}
        onClick={() => again.mutate(notice.id)}
      >
        <RotateCw size={13} aria-hidden />
        {again.isPending ? "Sending…" : "Send again"}
      </Button>
      {again.error && (
        <p role="alert" className="basis-full text-meta text-err">
          {messageOf(again.error)}
        </p>
      )}
    </>
  );
}
