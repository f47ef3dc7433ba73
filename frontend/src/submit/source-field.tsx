"use client";

import { useId, useRef } from "react";
import { ArtifactField } from "./artifact-field";
import type { FieldInputProps } from "./field-input-props";
import { FieldNotes, notesOf } from "./field-notes";
import { begunSource, kindOfSource, type Source, type SourceKind, sourceFrom, typedSource } from "./source";
import { UploadField } from "./upload-field";

type Choice = SourceKind | "none";

const WORDS: Record<Choice, string> = {
  none: "None",
  upload: "Upload",
  address: "Address",
  artifact: "File of a task",
};

/** A file for the task: uploaded, fetched from an address, or made by another task. */
export function SourceField({ field, value, error, onChange }: FieldInputProps) {
  const id = useId();
  const source = sourceFrom(value);
  const chosen: Choice = source ? kindOfSource(source) : field.isRequired ? "upload" : "none";
  const choices: Choice[] = field.isRequired
    ? ["upload", "address", "artifact"]
    : ["none", "upload", "address", "artifact"];
  /** What was given before another kind was chosen. */
  const left = useRef<Partial<Record<Choice, string>>>({});
  const choose = (choice: Choice) => {
    left.current[chosen] = value;
    onChange(left.current[choice] ?? (choice === "none" ? "" : begunSource(choice)));
  };
  return (
    <fieldset className="flex min-w-0 flex-col gap-2 sm:col-span-2" aria-describedby={notesOf(id)}>
      <legend className="mb-1 font-medium">
        {field.title}
        {field.isRequired && <span className="text-failed"> *</span>}
      </legend>
      <div className="flex flex-wrap gap-x-5 gap-y-1">
        {choices.map((choice) => (
          <label key={choice} className="flex items-center gap-1.5">
            <input type="radio" name={id} checked={choice === chosen} onChange={() => choose(choice)} />
            {WORDS[choice]}
          </label>
        ))}
      </div>
      {chosen !== "none" && (
        <SourceControl
          source={source ?? { file_id: "" }}
          described={{ "aria-invalid": error !== undefined, "aria-describedby": notesOf(id) }}
          onChange={(next) => onChange(typedSource(next))}
        />
      )}
      <FieldNotes id={id} about={field.schema.description ?? ""} error={error} />
    </fieldset>
  );
}

interface SourceControlProps {
  source: Source;
  described: Record<string, string | boolean>;
  onChange: (source: Source) => void;
}

function SourceControl({ source, described, onChange }: SourceControlProps) {
  if ("file_id" in source) {
    return <UploadField fileId={source.file_id} described={described} onChange={(file_id) => onChange({ file_id })} />;
  }
  if ("url" in source) {
    return (
      <label className="flex min-w-0 flex-col gap-1">
        Address
        <input
          {...described}
          type="url"
          inputMode="url"
          autoComplete="off"
          spellCheck={false}
          value={source.url}
          placeholder="https://…"
          onChange={(event) => onChange({ url: event.target.value.trim() })}
          className="field w-full aria-invalid:border-failed"
        />
        <span className="text-muted text-xs">Public addresses alone; it is fetched when the task runs.</span>
      </label>
    );
  }
  return (
    <ArtifactField
      taskId={source.task_id}
      artifact={source.artifact}
      described={described}
      onChange={(task_id, artifact) => onChange({ task_id, artifact })}
    />
  );
}
