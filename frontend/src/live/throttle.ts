/** Calls `action` at once, then at most every `milliseconds`; what was asked for meanwhile is done at the end. */
export function throttle(action: () => void, milliseconds: number): { request: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let asked = false;
  const elapsed = () => {
    timer = null;
    if (asked) request();
  };
  const request = () => {
    asked = timer !== null;
    if (timer) return;
    action();
    timer = setTimeout(elapsed, milliseconds);
  };
  const stop = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    asked = false;
  };
  return { request, stop };
}
