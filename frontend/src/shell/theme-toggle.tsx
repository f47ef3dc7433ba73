"use client";

import { useSyncExternalStore } from "react";
import { Button } from "@/elements/button";
import { THEME_KEY, type Theme } from "./theme";

const listeners = new Set<() => void>();

function current(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function choose(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // A browser without storage keeps the choice until the page is left.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  listeners.add(listener);
  media.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    media.removeEventListener("change", listener);
  };
}

export function ThemeToggle() {
  const theme = useSyncExternalStore(subscribe, current, () => "light" as const);
  const other = theme === "light" ? "dark" : "light";
  return (
    <Button look="quiet" onClick={() => choose(other)} aria-label={`Switch to ${other} theme`} className="px-2">
      <svg viewBox="0 0 16 16" className="size-4 fill-none stroke-[1.5] stroke-current" aria-hidden="true">
        {theme === "light" ? (
          <path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z" strokeLinejoin="round" />
        ) : (
          <path
            d="M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"
            strokeLinecap="round"
          />
        )}
      </svg>
    </Button>
  );
}
