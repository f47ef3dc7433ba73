/** The labels of a task, `key=value` each. */
export function Labels({ labels }: { labels: Record<string, string> }) {
  return (
    <>
      {Object.entries(labels).map(([key, value]) => (
        <span
          key={key}
          title={`${key}=${value}`}
          className="inline-block max-w-40 shrink-0 truncate rounded border border-line bg-canvas px-1.5 align-middle font-mono text-muted text-xs"
        >
          {key}={value}
        </span>
      ))}
    </>
  );
}
