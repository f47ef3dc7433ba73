"use client";

import { useQuery } from "@tanstack/react-query";
import { statsQuery, workersQuery } from "@/api/queries";
import { Button } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";
import { Section } from "@/elements/section";
import { FlowCharts } from "./charts";
import { HealthLine } from "./health-line";
import { Pools } from "./pools";
import { Queues } from "./queues";
import { Workers } from "./workers";

const WORKERS_MILLISECONDS = 2_000;

export function OverviewPage() {
  const stats = useQuery(statsQuery);
  const workers = useQuery({ ...workersQuery, refetchInterval: WORKERS_MILLISECONDS });
  const known = workers.data?.workers ?? [];
  const clusterProblem = stats.data?.cluster_problem ?? workers.data?.cluster_problem;
  return (
    <div className="flex flex-col gap-5">
      <h1 className="font-semibold text-xl tracking-tight">Overview</h1>
      {stats.error && !stats.data && (
        <ProblemNotice error={stats.error}>
          <Button onClick={() => void stats.refetch()}>Try again</Button>
        </ProblemNotice>
      )}
      <HealthLine stats={stats.data} />
      <Section
        title="Flow"
        aside={
          <p className="text-right text-muted text-xs">
            up to 5 minutes back, since this page was opened; percentiles of 30 s each
          </p>
        }
      >
        <FlowCharts />
      </Section>
      {stats.data && (
        <Section title="Queues">
          <Queues queues={stats.data.queues} workers={known} />
        </Section>
      )}
      {clusterProblem && <p className="panel border-pending p-3 text-pending">Kubernetes: {clusterProblem}</p>}
      {stats.data?.pools && stats.data.pools.length > 0 && (
        <Section title="Pools">
          <Pools pools={stats.data.pools} />
        </Section>
      )}
      {workers.data && (
        <Section title="Workers">
          <Workers workers={known} pods={workers.data.pods ?? []} />
        </Section>
      )}
    </div>
  );
}
