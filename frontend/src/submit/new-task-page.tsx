"use client";

import { useQuery } from "@tanstack/react-query";
import { taskQuery, taskTypesQuery } from "@/api/queries";
import type { TaskType } from "@/api/types";
import { Button } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";
import { useAddress } from "@/shell/use-address";
import { SubmissionForm } from "./submission-form";

export function NewTaskPage() {
  const [address, go] = useAddress();
  const cloneId = address.get("clone") ?? "";
  const types = useQuery(taskTypesQuery);
  const original = useQuery(taskQuery(cloneId));
  const error = types.error ?? original.error;
  const isReading = types.isLoading || original.isLoading;
  const name = address.get("type") ?? original.data?.task_type ?? "default";
  const type = types.data?.find((other) => other.name === name) ?? types.data?.[0];
  const cloned = original.data?.task_type === type?.name ? original.data : undefined;
  const choose = (chosen: string) => {
    const query = new URLSearchParams(address);
    query.set("type", chosen);
    go(query, "replace");
  };
  return (
    <div className="flex flex-col gap-4">
      <h1 className="font-semibold text-xl tracking-tight">{cloneId ? "Clone with changes" : "New task"}</h1>
      {error && (
        <ProblemNotice error={error}>
          <Button onClick={() => void (types.error ? types : original).refetch()}>Try again</Button>
        </ProblemNotice>
      )}
      {types.data && type && !isReading && (
        <>
          <TypeChoice types={types.data} chosen={type} onChange={choose} />
          <SubmissionForm key={`${type.name} ${cloned?.task_id}`} type={type} original={cloned} />
        </>
      )}
    </div>
  );
}

interface TypeChoiceProps {
  types: readonly TaskType[];
  chosen: TaskType;
  onChange: (name: string) => void;
}

function TypeChoice({ types, chosen, onChange }: TypeChoiceProps) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <label className="flex items-center gap-2 font-medium">
        Type
        <select
          value={chosen.name}
          onChange={(event) => onChange(event.target.value)}
          className="field min-w-52 font-normal"
        >
          {types.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <p className="text-muted">
        {chosen.description} Runs in queue <code className="font-mono text-xs">{chosen.queue}</code>.
      </p>
    </div>
  );
}
