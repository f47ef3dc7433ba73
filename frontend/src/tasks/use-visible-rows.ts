"use client";

import { type RefObject, useEffect, useState } from "react";
import { LONGEST_WHOLE, type RowRange, visibleRows } from "./visible-rows";

/** Of a row before one could be measured, in pixels. */
const USUAL_ROW_HEIGHT = 40;
const FIRST_ROWS = 100;

interface VisibleRows extends RowRange {
  rowHeight: number;
}

function measure(table: HTMLTableElement, count: number): VisibleRows {
  const rowHeight = table.querySelector("tr[data-task]")?.getBoundingClientRect().height || USUAL_ROW_HEIGHT;
  const scrolled = -(table.tHead?.getBoundingClientRect().bottom ?? 0);
  return { ...visibleRows(count, scrolled, window.innerHeight, rowHeight), rowHeight };
}

const areSame = (one: VisibleRows, other: VisibleRows): boolean =>
  one.from === other.from && one.to === other.to && one.rowHeight === other.rowHeight;

export function useVisibleRows(table: RefObject<HTMLTableElement | null>, count: number): VisibleRows {
  const isLong = count > LONGEST_WHOLE;
  const [range, setRange] = useState<VisibleRows>({ from: 0, to: FIRST_ROWS, rowHeight: USUAL_ROW_HEIGHT });
  useEffect(() => {
    if (!isLong) return;
    const update = () => {
      const measured = table.current && measure(table.current, count);
      if (measured) setRange((before) => (areSame(before, measured) ? before : measured));
    };
    update();
    window.addEventListener("scroll", update, { passive: true });
    window.addEventListener("resize", update);
    return () => {
      window.removeEventListener("scroll", update);
      window.removeEventListener("resize", update);
    };
  }, [table, count, isLong]);
  if (!isLong) return { from: 0, to: count, rowHeight: USUAL_ROW_HEIGHT };
  return { ...range, to: Math.min(range.to, count) };
}
