import Link from "next/link";
import type { Pod, Worker } from "@/api/types";
import { CodeBlock } from "@/elements/code-block";
import { RelativeTime } from "@/elements/relative-time";

interface WorkersProps {
  workers: readonly Worker[];
  pods: readonly Pod[];
}

/** The worker processes with what they run, and the pods that have none yet. */
export function Workers({ workers, pods }: WorkersProps) {
  const hosts = new Set(workers.map(({ hostname }) => hostname));
  const coming = pods.filter((pod) => !hosts.has(pod.name));
  if (workers.length === 0 && coming.length === 0) return <NoWorkers />;
  return (
    <ul className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
      {workers.map((worker) => (
        <WorkerCard key={worker.id} worker={worker} pod={pods.find(({ name }) => name === worker.hostname)} />
      ))}
      {coming.map((pod) => (
        <PodCard key={pod.name} pod={pod} />
      ))}
    </ul>
  );
}

function NoWorkers() {
  return (
    <div className="panel flex flex-col gap-3 p-4">
      <p className="text-muted">
        No worker gave a sign of life lately. In Kubernetes they come when tasks wait; elsewhere start one:
      </p>
      <CodeBlock title="Start a worker" text="python -m atropos_worker" />
    </div>
  );
}

function WorkerCard({ worker, pod }: { worker: Worker; pod: Pod | undefined }) {
  const running = worker.running ?? [];
  const busy = running.length;
  return (
    <li className="panel flex min-w-0 flex-col gap-2 p-3">
      <div className="flex items-start justify-between gap-2">
        <h3 className="break-all font-medium font-mono text-xs">{worker.id}</h3>
        <span className="whitespace-nowrap text-xs tabular-nums">
          {busy} of {worker.slots} busy
        </span>
      </div>
      <Slots slots={worker.slots} busy={busy} />
      <p className="text-muted text-xs">
        {worker.draining || pod?.terminating ? <strong className="text-pending">draining</strong> : "serves"}{" "}
        {worker.queues.join(", ")} · started <RelativeTime at={worker.started_at} />
        {pod && pod.restarts > 0 && ` · ${pod.restarts} restarts`}
        {pod?.node && ` · on ${pod.node}`}
      </p>
      {busy > 0 && (
        <ul className="flex flex-col gap-0.5">
          {running.slice(0, 8).map((taskId) => (
            <li key={taskId} className="truncate">
              <Link
                prefetch={false}
                href={`/task/?id=${taskId}`}
                className="rounded font-mono text-accent text-xs underline-offset-2 hover:underline"
              >
                {taskId}
              </Link>
            </li>
          ))}
          {busy > 8 && <li className="text-muted text-xs">and {busy - 8} more</li>}
        </ul>
      )}
    </li>
  );
}

function Slots({ slots, busy }: { slots: number; busy: number }) {
  return (
    <div aria-hidden="true" className="flex gap-0.5">
      {Array.from({ length: Math.min(slots, 64) }, (_, slot) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: slots have nothing but their number
        <span key={slot} className={`h-1.5 flex-1 rounded-full ${slot < busy ? "bg-processing" : "bg-line"}`} />
      ))}
    </div>
  );
}

function PodCard({ pod }: { pod: Pod }) {
  return (
    <li className="panel flex min-w-0 flex-col gap-2 border-dashed p-3">
      <h3 className="break-all font-medium font-mono text-xs">{pod.name}</h3>
      <p className="text-muted text-xs">
        {pod.terminating ? "goes away" : "comes up"}
        {pod.pool && ` in pool ${pod.pool}`} · {pod.phase}
      </p>
      {pod.waiting_reason && <p className="break-words text-pending text-xs">{pod.waiting_reason}</p>}
    </li>
  );
}
