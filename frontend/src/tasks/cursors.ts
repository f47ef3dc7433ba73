/** The way to the page that is shown: the cursors of the pages before it and its own, kept in the address bar. */

/** So many pages back can be gone to; further back starts at the first page. */
const LONGEST_TRAIL = 20;
const CURSOR = /^[0-9a-f]{32}$/;

export function trailFrom(address: URLSearchParams): string[] {
  const parts = (address.get("after") ?? "").split(".");
  return parts.filter((part) => CURSOR.test(part)).map(withDashes);
}

/** The same address on the page at the end of the trail. */
export function withTrail(address: URLSearchParams, trail: readonly string[]): URLSearchParams {
  const changed = new URLSearchParams(address);
  const short = trail.slice(-LONGEST_TRAIL).map((cursor) => cursor.replaceAll("-", ""));
  if (short.length > 0) changed.set("after", short.join("."));
  else changed.delete("after");
  return changed;
}

const withDashes = (digits: string): string => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
