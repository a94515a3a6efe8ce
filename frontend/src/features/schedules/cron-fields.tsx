/** The cron expression and its time zone, with what they mean while one types. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { ApiError, messageOf } from "@/lib/api/errors";
import { cronQuery } from "@/lib/api/schedules";
import { clockIn, knownZones } from "@/lib/time/zones";
import { examples } from "./policies";

interface CronFieldsProps {
  cron: string;
  zone: string;
  onCron: (cron: string) => void;
  onZone: (zone: string) => void;
  errors: Record<string, string>;
}

const zones = knownZones();
const TYPING_MS = 250;

export function CronFields({ cron, zone, onCron, onZone, errors }: CronFieldsProps) {
  const id = useId();
  const preview = useQuery(cronQuery(useSettledText(cron.trim()), useSettledText(zone.trim())));
  const wrong = preview.error instanceof ApiError ? preview.error.fields : {};
  return (
    <>
      <Field
        label="When"
        required
        hint="Minute, hour, day of month, month, day of week. * is any, */15 every 15th, 1-5 a range, 1,15 a list, L the last day."
        error={errors.cron ?? (cron.trim() ? wrong.cron : undefined)}
      >
        {(props) => (
          <Input
            {...props}
            value={cron}
            onChange={(event) => onCron(event.target.value)}
            className="font-mono"
            maxLength={100}
            autoComplete="off"
            spellCheck={false}
            placeholder="0 9 * * MON-FRI"
          />
        )}
      </Field>
      <div className="-mt-2 flex flex-wrap gap-1">
        {examples.map((example) => (
          <Button
            key={example.cron}
            size="sm"
            aria-pressed={example.cron === cron.trim()}
            onClick={() => onCron(example.cron)}
          >
            {example.label}
          </Button>
        ))}
      </div>
      <Field
        label="Time zone"
        hint="Moments follow this clock, also when it is changed for summer and winter."
        error={errors.time_zone ?? wrong.time_zone}
      >
        {(props) => (
          <>
            <Input
              {...props}
              list={`${id}-zones`}
              value={zone}
              onChange={(event) => onZone(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
            <datalist id={`${id}-zones`}>
              {zones.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Preview
        cron={cron.trim()}
        zone={zone.trim()}
        preview={preview}
        isWrong={Object.keys(wrong).length > 0}
      />
    </>
  );
}

interface PreviewProps {
  cron: string;
  zone: string;
  preview: {
    data: { description: string; next_times: string[] } | undefined;
    error: Error | null;
    isPlaceholderData: boolean;
  };
  isWrong: boolean;
}

function Preview({ cron, zone, preview, isWrong }: PreviewProps) {
  const { data, error, isPlaceholderData } = preview;
  return (
    <div
      role="status"
      aria-label="The next five moments"
      className="min-h-[146px] rounded-control bg-surface-2 px-3 py-2 text-table"
    >
      {!cron ? (
        <p className="text-muted">The next five moments show up here.</p>
      ) : error ? (
        <p className="text-muted">{isWrong ? "No moments: mend what is marked above." : messageOf(error)}</p>
      ) : data ? (
        <div className={isPlaceholderData ? "opacity-60" : undefined}>
          <p className="font-semibold">{data.description}</p>
          <ol className="tnum mt-1 leading-5">
            {data.next_times.map((at) => (
              <li key={at}>{clockIn(zone, at)}</li>
            ))}
          </ol>
        </div>
      ) : null}
    </div>
  );
}

/** What was typed, once typing rests. */
function useSettledText(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
