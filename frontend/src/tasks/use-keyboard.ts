"use client";

import { type RefObject, useEffect } from "react";

/** What the keys do; the help dialog lists them. */
export const KEYS: readonly [string, string][] = [
  ["j or ↓", "next task"],
  ["k or ↑", "previous task"],
  ["Enter", "open the task"],
  ["x", "select the task, or not"],
  ["a", "select the page, or nothing"],
  ["n / p", "next or previous page"],
  ["/", "filter by id"],
  ["Escape", "leave a field, or clear the selection"],
  ["?", "this help"],
];

export interface KeyActions {
  showHelp: () => void;
  togglePage: () => void;
  clear: () => void;
  next: () => void;
  previous: () => void;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("textarea, select, input:not([type=checkbox])");

/** Moves the focus between the links of the rows, so Enter opens one as everywhere. */
function moveFocus(table: HTMLElement, step: number): void {
  const links = [...table.querySelectorAll<HTMLAnchorElement>("a[data-row]")];
  const row = document.activeElement?.closest("tr");
  const at = links.findIndex((link) => link.closest("tr") === row);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  links[next]?.focus();
}

function toggleRow(): void {
  document.activeElement?.closest("tr")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
}

export function useKeyboard(
  table: RefObject<HTMLElement | null>,
  filter: RefObject<HTMLElement | null>,
  actions: KeyActions,
): void {
  useEffect(() => {
    const bound: Record<string, () => void> = {
      j: () => table.current && moveFocus(table.current, 1),
      k: () => table.current && moveFocus(table.current, -1),
      x: toggleRow,
      a: actions.togglePage,
      n: actions.next,
      p: actions.previous,
      "/": () => filter.current?.focus(),
      "?": actions.showHelp,
      Escape: actions.clear,
    };
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (isTyping(event.target)) {
        if (event.key === "Escape") (event.target as HTMLElement).blur();
        return;
      }
      const action = bound[{ ArrowDown: "j", ArrowUp: "k" }[event.key] ?? event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [table, filter, actions]);
}
