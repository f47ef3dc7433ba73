import type { Pool } from "@/api/types";
import { PoolChart } from "./charts";

export function Pools({ pools }: { pools: readonly Pool[] }) {
  return (
    <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
      {pools.map((pool) => (
        <PoolCard key={pool.pool} pool={pool} />
      ))}
    </div>
  );
}

function PoolCard({ pool }: { pool: Pool }) {
  const isScaled = pool.maximum !== null && pool.maximum !== undefined;
  return (
    <article aria-label={`Pool ${pool.pool}`} className="panel flex flex-col gap-3 p-3">
      <div className="flex items-start justify-between gap-2">
        <h3 className="font-semibold">{pool.pool}</h3>
        <Marks pool={pool} />
      </div>
      <dl className="grid grid-cols-3 gap-2 tabular-nums">
        <Figure name="desired" value={pool.desired} />
        <Figure name="current" value={pool.current} />
        <Figure name="ready" value={pool.ready} />
      </dl>
      <p className="text-muted text-xs">
        {isScaled ? `Scaled between ${pool.minimum ?? 0} and ${pool.maximum} pods.` : "Of a fixed size."}
      </p>
      <PoolChart pool={pool.pool} />
      {pool.scaler_message && <p className="break-words text-failed text-xs">{pool.scaler_message}</p>}
    </article>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return (
    <div className="flex flex-col-reverse">
      <dt className="text-muted text-xs">{name}</dt>
      <dd className="font-semibold text-lg leading-tight">{value}</dd>
    </div>
  );
}

function Marks({ pool }: { pool: Pool }) {
  const marks = [
    pool.active && { word: "active", classes: "bg-processing-soft text-processing" },
    pool.paused && { word: "paused", classes: "bg-pending-soft text-pending" },
    pool.fallback && { word: "fallback", classes: "bg-failed-soft text-failed" },
    pool.scaler_ready === false && { word: "cannot scale", classes: "bg-failed-soft text-failed" },
  ];
  return (
    <span className="flex flex-wrap justify-end gap-1">
      {marks.map(
        (mark) =>
          mark && (
            <span key={mark.word} className={`rounded-full px-2 py-0.5 font-medium text-xs ${mark.classes}`}>
              {mark.word}
            </span>
          ),
      )}
    </span>
  );
}
