/** Which rows of a long page are in the document: those in sight and some around them. */

/** Rows come and go in groups of this many, so that scrolling seldom renders. */
export const GROUP = 25;
/** Pages up to this long are in the document whole. */
export const LONGEST_WHOLE = 200;

export interface RowRange {
  from: number;
  /** The first row that is not in it. */
  to: number;
}

/** `scrolled` and `viewport` in pixels, from the upper edge of the first row. */
export function visibleRows(count: number, scrolled: number, viewport: number, rowHeight: number): RowRange {
  if (count <= LONGEST_WHOLE) return { from: 0, to: count };
  const first = Math.floor(Math.max(0, scrolled) / rowHeight / GROUP) * GROUP;
  const inSight = Math.ceil(viewport / rowHeight / GROUP) * GROUP;
  const from = Math.min(Math.max(0, first - GROUP), Math.max(0, count - inSight));
  return { from, to: Math.min(count, first + inSight + 2 * GROUP) };
}
