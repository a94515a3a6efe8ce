/** Moments by the clock of another time zone. */

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    const shown = {
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
      timeZone: zone,
    } as const;
    try {
      format = new Intl.DateTimeFormat(undefined, shown);
    } catch {
      // The server knows a zone that this browser does not.
      format = new Intl.DateTimeFormat(undefined, { ...shown, timeZone: "UTC", timeZoneName: "short" });
    }
    formats.set(zone, format);
  }
  return format;
}

/** "Mon, Nov 23, 02:30" as people in that zone read it. */
export const clockIn = (zone: string, at: string): string => formatOf(zone).format(Date.parse(at));

export const localZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Every zone this browser knows, UTC among them. */
export function knownZones(): string[] {
  const found = Intl.supportedValuesOf?.("timeZone") ?? [];
  return ["UTC", ...found.filter((zone) => zone !== "UTC")];
}
