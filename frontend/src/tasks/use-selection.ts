"use client";

import { useCallback, useMemo, useState } from "react";

export interface Selection {
  ids: ReadonlySet<string>;
  /** Everything that matches the filters, also beyond this page. */
  isEverything: boolean;
  toggle: (taskId: string) => void;
  replace: (taskIds: readonly string[]) => void;
  selectEverything: () => void;
  clear: () => void;
}

const NOTHING: ReadonlySet<string> = new Set();

export function useSelection(): Selection {
  const [ids, setIds] = useState(NOTHING);
  const [isEverything, setEverything] = useState(false);
  const toggle = useCallback((taskId: string) => {
    setEverything(false);
    setIds((before) => {
      const after = new Set(before);
      if (!after.delete(taskId)) after.add(taskId);
      return after;
    });
  }, []);
  const replace = useCallback((taskIds: readonly string[]) => {
    setEverything(false);
    setIds(new Set(taskIds));
  }, []);
  const selectEverything = useCallback(() => setEverything(true), []);
  const clear = useCallback(() => replace([]), [replace]);
  return useMemo(
    () => ({ ids, isEverything, toggle, replace, selectEverything, clear }),
    [ids, isEverything, toggle, replace, selectEverything, clear],
  );
}
