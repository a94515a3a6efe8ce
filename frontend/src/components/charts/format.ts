/** Number and axis formats of charts. Intl instances are cached: making one costs more than using it a thousand times. */

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const precise = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

export function formatValue(value: number | null | undefined, unit = ""): string {
  if (value === null || value === undefined) return "no data";
  const number = Math.abs(value) >= 10_000 ? compact : Math.abs(value) < 1 ? precise : plain;
  const text = number.format(value);
  if (!unit) return text;
  return unit === "%" ? `${text}%` : `${text} ${unit}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockSeconds = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

const DAY_SECONDS = 86_400;

/** Labels for time axis ticks `step` seconds apart; midnight shows its date. */
export function formatTicks(ticks: readonly number[], step: number): string[] {
  if (step >= DAY_SECONDS) return ticks.map((at) => day.format(at * 1000));
  const format = step < 60 ? clockSeconds : clock;
  return ticks.map((at) => {
    const date = new Date(at * 1000);
    const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
    return midnight ? day.format(date) : format.format(date);
  });
}

/** One moment in full, as short as the span of the chart allows. */
export function formatMoment(at: number, spanSeconds: number): string {
  const format = spanSeconds > DAY_SECONDS ? dayClock : spanSeconds > 3600 * 2 ? clock : clockSeconds;
  return format.format(at * 1000);
}
