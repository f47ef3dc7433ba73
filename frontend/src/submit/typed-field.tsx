"use client";

import { useId } from "react";
import { formatCount } from "@/format/time";
import type { FieldInputProps } from "./field-input-props";
import { FieldNotes, notesOf } from "./field-notes";
import { typedFrom } from "./field-values";
import type { FieldKind, FieldSpecification } from "./schema-fields";

/** Texts that may be longer than this get a box of several lines. */
const LONG_TEXT = 1_000;
/** A greater bound tells nobody what to type. */
const LARGE = 1_000_000_000;

/** A field with one control, its label, and its notes. */
export function TypedField({ field, value, error, onChange }: FieldInputProps) {
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
      <FieldNotes id={id} about={aboutOf(field)} error={error} />
    </div>
  );
}

const WAYS: Partial<Record<FieldKind, string>> = {
  list: "Type one a line.",
  mapping: "Type `name = value`, one a line.",
};

/** What it means, how it is typed, and its bounds. */
function aboutOf({ kind, schema }: FieldSpecification): string {
  const { minimum, maximum } = schema;
  const isBounded = minimum !== undefined && maximum !== undefined && maximum <= LARGE;
  const bounds = isBounded ? `${formatCount(minimum)} to ${formatCount(maximum)}.` : "";
  return [schema.description, WAYS[kind], bounds].filter(Boolean).join(" ");
}

/** The default, which holds when nothing is typed, or an example; as they would be typed. */
function placeholderOf(field: FieldSpecification): string {
  const { default: preset, examples = [] } = field.schema;
  const isNothing = preset === undefined || preset === null || (Array.isArray(preset) && preset.length === 0);
  const shown = isNothing ? examples[0] : preset;
  if (shown === undefined) return "";
  return typeof shown === "string" ? shown : typedFrom(field, shown);
}

interface ControlProps extends Omit<FieldInputProps, "error"> {
  described: Record<string, string | boolean>;
}

const CLASSES = "field w-full aria-invalid:border-failed";

function Control(props: ControlProps) {
  const { field, value, onChange, described } = props;
  if (field.kind === "boolean" || field.kind === "choice") return <Choice {...props} />;
  const placeholder = placeholderOf(field);
  const typing = { ...described, value, placeholder, spellCheck: false };
  const rows = rowsOf(field, value);
  if (rows > 1) {
    return (
      <textarea
        {...typing}
        rows={rows}
        onChange={(event) => onChange(event.target.value)}
        className={`${CLASSES} font-mono text-xs`}
      />
    );
  }
  return (
    <input
      {...typing}
      type="text"
      inputMode={field.kind === "text" ? "text" : field.kind === "integer" ? "numeric" : "decimal"}
      autoComplete="off"
      onChange={(event) => onChange(event.target.value)}
      className={CLASSES}
    />
  );
}

/** A box of one line would lose the ends of lines that are in the text. */
function rowsOf({ kind, schema }: FieldSpecification, value: string): number {
  if (kind === "list" || kind === "mapping") return 3;
  if (kind === "json" || kind === "lines") return 4;
  return kind === "text" && ((schema.maxLength ?? 0) > LONG_TEXT || value.includes("\n")) ? 3 : 1;
}

function Choice({ field, value, onChange, described }: ControlProps) {
  const preset = field.schema.default ?? undefined;
  const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
  return (
    <select {...described} value={value} onChange={(event) => onChange(event.target.value)} className={CLASSES}>
      <option value="">{preset === undefined ? "not given" : `${preset} (default)`}</option>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {wordOf(choice)}
        </option>
      ))}
    </select>
  );
}

/** A choice as people read it. */
export const wordOf = (choice: string): string => (choice.startsWith('"') ? JSON.parse(choice) : choice);
