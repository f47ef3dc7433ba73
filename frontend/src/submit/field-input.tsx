"use client";

import { useId } from "react";
import { formatCount } from "@/format/time";
import { FieldNotes, notesOf } from "./field-notes";
import type { FieldSpecification } from "./schema-fields";
import { SourceField } from "./source-field";

export interface FieldInputProps {
  field: FieldSpecification;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}

/** One field with its label, what it means, and what is wrong with it. */
export function FieldInput(props: FieldInputProps) {
  return props.field.kind === "source" ? <SourceField {...props} /> : <TypedField {...props} />;
}

function TypedField({ field, value, error, onChange }: FieldInputProps) {
  const id = useId();
  const described = {
    id,
    "aria-invalid": error !== undefined,
    "aria-required": field.isRequired,
    "aria-describedby": notesOf(id),
  };
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {field.title}
        {field.isRequired && <span className="text-failed"> *</span>}
      </label>
      <Control field={field} value={value} onChange={onChange} described={described} />
      <FieldNotes id={id} about={[field.schema.description, boundsOf(field)].filter(Boolean).join(" ")} error={error} />
    </div>
  );
}

function boundsOf({ schema }: FieldSpecification): string {
  const { minimum, maximum } = schema;
  return minimum !== undefined && maximum !== undefined ? `${formatCount(minimum)} to ${formatCount(maximum)}.` : "";
}

/** The default, which holds when nothing is typed, or an example. */
function placeholderOf({ schema }: FieldSpecification): string {
  const shown = schema.default ?? schema.examples?.[0] ?? "";
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}

interface ControlProps extends Omit<FieldInputProps, "error"> {
  described: Record<string, string | boolean>;
}

const CLASSES = "field w-full aria-invalid:border-failed";

function Control({ field, value, onChange, described }: ControlProps) {
  const placeholder = placeholderOf(field);
  if (field.kind === "boolean" || field.kind === "choice") {
    const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
    return (
      <select {...described} value={value} onChange={(event) => onChange(event.target.value)} className={CLASSES}>
        <option value="">{field.schema.default === undefined ? "not given" : `${placeholder} (default)`}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice.startsWith('"') ? JSON.parse(choice) : choice}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === "json" || field.kind === "lines") {
    return (
      <textarea
        {...described}
        rows={4}
        spellCheck={false}
        value={value}
        placeholder={placeholder}
        onChange={(event) => onChange(event.target.value)}
        className={`${CLASSES} font-mono text-xs`}
      />
    );
  }
  return (
    <input
      {...described}
      type="text"
      inputMode={field.kind === "text" ? "text" : field.kind === "integer" ? "numeric" : "decimal"}
      autoComplete="off"
      value={value}
      placeholder={placeholder}
      onChange={(event) => onChange(event.target.value)}
      className={CLASSES}
    />
  );
}
