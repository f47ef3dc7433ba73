import type { QueueStats, Worker } from "@/api/types";
import { formatCount, formatDuration } from "@/format/time";
import { QueueCharts } from "./charts";

interface QueuesProps {
  queues: readonly QueueStats[];
  workers: readonly Worker[];
}

export function Queues({ queues, workers }: QueuesProps) {
  if (queues.length === 0) {
    return (
      <p className="panel p-4 text-muted">Nothing waits and nothing runs. A queue shows here once it has tasks.</p>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <section
        aria-label="Table of queues"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        tabIndex={0}
        className="panel overflow-x-auto"
      >
        <table className="w-full">
          <thead className="text-left text-muted text-xs">
            <tr className="h-9 *:px-2 *:font-medium sm:*:px-3">
              <th scope="col">Queue</th>
              <th scope="col" className="text-right">
                Waiting
              </th>
              <th scope="col" className="text-right">
                Oldest
              </th>
              <th scope="col" className="text-right">
                Processing
              </th>
              <th scope="col" className="text-right max-sm:hidden">
                Scheduled
              </th>
              <th scope="col" className="text-right">
                Workers
              </th>
            </tr>
          </thead>
          <tbody className="tabular-nums">
            {queues.map((queue) => (
              <QueueRow key={queue.queue} queue={queue} serving={serving(queue.queue, workers)} />
            ))}
          </tbody>
        </table>
      </section>
      {queues.length > 1 && (
        <div className="grid grid-cols-2 gap-3 xl:grid-cols-4">
          {queues.map(({ queue }) => (
            <QueueCharts key={queue} queue={queue} />
          ))}
        </div>
      )}
    </div>
  );
}

const serving = (queue: string, workers: readonly Worker[]): number =>
  workers.filter((worker) => worker.queues.includes(queue) && !worker.draining).length;

function QueueRow({ queue, serving: count }: { queue: QueueStats; serving: number }) {
  const isStuck = queue.pending > 0 && count === 0;
  return (
    <tr className="h-10 border-line border-t *:px-2 sm:*:px-3">
      <th scope="row" className="text-left font-medium">
        {queue.queue}
      </th>
      <td className="text-right">{formatCount(queue.pending)}</td>
      <td className="whitespace-nowrap text-right">{queue.pending > 0 ? formatDuration(queue.oldest_seconds) : "–"}</td>
      <td className="text-right">{formatCount(queue.processing)}</td>
      <td className="text-right max-sm:hidden">{formatCount(queue.scheduled)}</td>
      <td className={`whitespace-nowrap text-right ${isStuck ? "font-medium text-failed" : ""}`}>
        {isStuck ? "none serves it" : formatCount(count)}
      </td>
    </tr>
  );
}
