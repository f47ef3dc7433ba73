"use client";

import { useId } from "react";
import type { FieldInputProps } from "./field-input-props";
import { FieldNotes, notesOf } from "./field-notes";
import { listIn } from "./scalar-values";
import { wordOf } from "./typed-field";

/** Some of a few: boxes to check. Where nothing is given the default holds, and is shown. */
export function ChoicesField({ field, value, error, onChange }: FieldInputProps) {
  const id = useId();
  const preset = Array.isArray(field.schema.default) ? field.schema.default : [];
  const chosen = (value === "" ? preset : listIn(value)).map((choice) => JSON.stringify(choice));
  const toggle = (choice: string) => {
    const next = chosen.includes(choice) ? chosen.filter((other) => other !== choice) : [...chosen, choice];
    onChange(next.length === 0 && preset.length === 0 ? "" : `[${next.join()}]`);
  };
  return (
    <fieldset className="flex min-w-0 flex-col gap-1" aria-describedby={notesOf(id)}>
      <legend className="mb-1 font-medium">
        {field.title}
        {field.isRequired && <span className="text-failed"> *</span>}
      </legend>
      <div className="flex min-h-8 flex-wrap items-center gap-x-5 gap-y-1">
        {field.choices.map((choice) => (
          <label key={choice} className="flex items-center gap-1.5">
            <input
              type="checkbox"
              aria-invalid={error !== undefined}
              checked={chosen.includes(choice)}
              onChange={() => toggle(choice)}
            />
            {wordOf(choice)}
          </label>
        ))}
      </div>
      <FieldNotes id={id} about={field.schema.description ?? ""} error={error} />
    </fieldset>
  );
}
