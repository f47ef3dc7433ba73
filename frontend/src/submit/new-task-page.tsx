"use client";

import { useQuery } from "@tanstack/react-query";
import { taskQuery, taskTypesQuery } from "@/api/queries";
import type { TaskType } from "@/api/types";
import { Button } from "@/elements/button";
import { ProblemNotice } from "@/elements/problem-notice";
import { Prose } from "@/elements/prose";
import { useAddress } from "@/shell/use-address";
import type { JsonSchema } from "./json-schema";
import { sourceNameOf } from "./schema-fields";
import type { Source } from "./source";
import { SubmissionForm } from "./submission-form";

/** A file that a task has made, for a new one: `?task=…&artifact=…`. */
function artifactIn(address: URLSearchParams): Source | undefined {
  const [task_id, artifact] = [address.get("task"), address.get("artifact")];
  return task_id && artifact ? { task_id, artifact } : undefined;
}

const takesFile = ({ parameters }: TaskType): boolean => sourceNameOf(parameters as JsonSchema) !== undefined;

export function NewTaskPage() {
  const [address, go] = useAddress();
  const cloneId = address.get("clone") ?? "";
  const types = useQuery(taskTypesQuery);
  const original = useQuery(taskQuery(cloneId));
  const error = types.error ?? original.error;
  const isReading = types.isLoading || original.isLoading;
  const artifact = artifactIn(address);
  const offered = artifact ? types.data?.filter(takesFile) : types.data;
  const name = address.get("type") ?? original.data?.task_type ?? "default";
  const type = offered?.find((other) => other.name === name) ?? offered?.[0];
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
      {offered?.length === 0 && <p className="text-muted">No task type takes a file.</p>}
      {offered && type && !isReading && (
        <>
          <TypeChoice types={offered} chosen={type} onChange={choose} />
          <SubmissionForm
            key={`${type.name} ${cloned?.task_id} ${JSON.stringify(artifact)}`}
            type={type}
            beginning={{ original: cloned, artifact }}
          />
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
        <Prose text={chosen.description} /> Runs in queue <code className="font-mono text-xs">{chosen.queue}</code>.
      </p>
    </div>
  );
}
