"use client";

import { useSearchParams } from "next/navigation";
import { useMemo, useSyncExternalStore } from "react";

export type Go = (query: URLSearchParams, how?: "push" | "replace") => void;

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

const go: Go = (query, how = "push") => {
  const url = query.size > 0 ? `?${query}` : window.location.pathname;
  if (how === "push") window.history.pushState(null, "", url);
  else window.history.replaceState(null, "", url);
  for (const listener of listeners) listener();
};

/**
 * The query of the address and how to change it, without asking the server for a page. What is typed is in it at once,
 * while Next tells of it in a transition, which fast typing overtakes; its hook is here for links to the same page.
 */
export function useAddress(): [URLSearchParams, Go] {
  useSearchParams();
  const search = useSyncExternalStore(
    subscribe,
    () => window.location.search,
    () => "",
  );
  return [useMemo(() => new URLSearchParams(search), [search]), go];
}
