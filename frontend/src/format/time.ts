/** Times and durations in the reader's words and zone. */
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** Seconds as `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min` or `4 d 3 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return inTwo(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return inTwo(whole, HOUR, "h", MINUTE, "min");
  return inTwo(whole, DAY, "d", HOUR, "h");
}

function inTwo(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)} ${largeName}`;
  return rest > 0 ? `${first} ${rest} ${smallName}` : first;
}

/** How far off a moment is: `just now`, `12 s ago`, `5 min ago`, `in 2 h`; a date when it is over a month. */
export function formatRelative(moment: number, now: number): string {
  const seconds = Math.round((now - moment) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 2) return "just now";
  if (distance > 31 * DAY) return new Date(moment).toLocaleDateString();
  const words = inOne(distance);
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function inOne(seconds: number): string {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}

const EXACT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  timeZoneName: "short",
});

/** A moment to the millisecond, in the reader's zone. */
export const formatExact = (moment: string | number): string => EXACT.format(new Date(moment));

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** The time of day to the millisecond, in the reader's zone. */
export const formatClock = (moment: string | number): string => CLOCK.format(new Date(moment));

const NUMBER = new Intl.NumberFormat();

export const formatCount = (count: number): string => NUMBER.format(count);

/** Seconds between two moments; up to `now` while the second is not known. */
export function secondsBetween(from: string, to: string | null | undefined, now: number): number {
  return Math.max(0, (to ? Date.parse(to) : now) - Date.parse(from)) / 1000;
}
