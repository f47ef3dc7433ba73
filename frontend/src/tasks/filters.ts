/** The filters of the table, in the address bar and as the API wants them. */
import { parseLabel } from "@/api/labels";
import { type BulkFilter, TASK_STATES, type TaskState } from "@/api/types";

export interface Filters {
  states: TaskState[];
  type: string;
  /** `key=value` each. */
  labels: string[];
  /** A name of WINDOWS, or empty for any time or the two moments below. */
  window: string;
  /** As `datetime-local` inputs have it, on the reader's clock. */
  from: string;
  before: string;
  /** The beginning of an id. */
  id: string;
}

export const NO_FILTERS: Filters = { states: [], type: "", labels: [], window: "", from: "", before: "", id: "" };

/** How far back, in milliseconds. */
export const WINDOWS: Record<string, { name: string; milliseconds: number }> = {
  "15m": { name: "Last 15 minutes", milliseconds: 900_000 },
  "1h": { name: "Last hour", milliseconds: 3_600_000 },
  "24h": { name: "Last 24 hours", milliseconds: 86_400_000 },
  "7d": { name: "Last 7 days", milliseconds: 604_800_000 },
};

export const PAGE_SIZES = [50, 200, 1000];

export const isLabel = (text: string): boolean => parseLabel(text) !== null;

const isState = (word: string): word is TaskState => (TASK_STATES as readonly string[]).includes(word);

/** The filters in an address; what is not valid there is left out. */
export function filtersFrom(address: URLSearchParams): Filters {
  const window = address.get("created") ?? "";
  return {
    states: address.getAll("status").filter(isState),
    type: address.get("type") ?? "",
    labels: address.getAll("label").filter(isLabel),
    window: window in WINDOWS ? window : "",
    from: dateTimeIn(address.get("from")),
    before: dateTimeIn(address.get("before")),
    id: normalisedId(address.get("id") ?? ""),
  };
}

const dateTimeIn = (text: string | null): string => (text && !Number.isNaN(Date.parse(text)) ? text : "");

/** The address of these filters, on the first page; a page size other than the first is kept. */
export function addressOf(filters: Filters, limit = PAGE_SIZES[0]): URLSearchParams {
  const address = new URLSearchParams();
  for (const state of filters.states) address.append("status", state);
  for (const label of filters.labels) address.append("label", label);
  const single = { type: filters.type, created: filters.window, from: filters.from, before: filters.before };
  for (const [name, value] of Object.entries({ ...single, id: filters.id })) {
    if (value) address.set(name, value);
  }
  if (limit !== PAGE_SIZES[0]) address.set("limit", String(limit));
  return address;
}

export function limitFrom(address: URLSearchParams): number {
  const limit = Number(address.get("limit"));
  return PAGE_SIZES.includes(limit) ? limit : (PAGE_SIZES[0] as number);
}

export const isFiltered = (filters: Filters): boolean => addressOf(filters).size > 0;

/** The conditions that both the list and the bulk calls take. */
function conditionsOf(filters: Filters, now: number) {
  const window = WINDOWS[filters.window];
  const from = window ? now - window.milliseconds : filters.from && Date.parse(filters.from);
  return {
    ...(filters.states.length > 0 && { status: filters.states }),
    ...(filters.type && { task_type: [filters.type] }),
    ...(from && { created_from: new Date(from).toISOString() }),
    ...(filters.before && { created_before: new Date(filters.before).toISOString() }),
  };
}

export const listQueryOf = (filters: Filters, now: number) => ({
  ...conditionsOf(filters, now),
  ...(filters.labels.length > 0 && { label: filters.labels }),
});

/** The same for a bulk call. A beginning of an id cannot be asked for there. */
export function bulkFilterOf(filters: Filters, now: number): BulkFilter {
  const labels = Object.fromEntries(filters.labels.flatMap((label) => [parseLabel(label) ?? []]));
  return { ...conditionsOf(filters, now), ...(filters.labels.length > 0 && { labels }) };
}

/** The hexadecimal digits of an id or of its beginning, with dashes where an id has them. */
export function normalisedId(text: string): string {
  const digits = text
    .toLowerCase()
    .replace(/[^0-9a-f]/g, "")
    .slice(0, 32);
  const parts = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)];
  return parts.filter(Boolean).join("-");
}

/** The cursor after which come the ids with this beginning: ids are listed from the greatest down. */
export function cursorBefore(beginning: string): string {
  const digits = beginning.replaceAll("-", "");
  if (digits.length < 32) return normalisedId(digits.padEnd(32, "f"));
  return normalisedId((BigInt(`0x${digits}`) + 1n).toString(16).padStart(32, "0"));
}
