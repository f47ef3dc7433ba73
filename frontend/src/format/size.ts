/** Sizes of files in the reader's words. */
const UNITS = ["kB", "MB", "GB", "TB"] as const;

/** Bytes as `812 bytes`, `1.2 kB`, `64 kB` or `3.4 GB`; a kB is 1,000 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let value = bytes / 1_000;
  let unit = 0;
  // What would be written as 1,000 belongs to the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}
