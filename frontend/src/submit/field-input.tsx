"use client";

import { useId } from "react";
import { Button } from "@/elements/button";
import { ChoicesField } from "./choices-field";
import type { FieldInputProps } from "./field-input-props";
import { FieldNotes, notesOf } from "./field-notes";
import { readParameters, type Typed, typedObject, typedObjects } from "./field-values";
import type { FieldSpecification } from "./schema-fields";
import { SourceField } from "./source-field";
import { TypedField } from "./typed-field";

/** One field with its label, what it means, and what is wrong with it. */
export function FieldInput(props: FieldInputProps) {
  switch (props.field.kind) {
    case "source":
      return <SourceField {...props} />;
    case "choices":
      return <ChoicesField {...props} />;
    case "object":
      return <ObjectField {...props} />;
    case "objects":
      return <ObjectsField {...props} />;
    default:
      return <TypedField {...props} />;
  }
}

interface FieldGridProps {
  fields: readonly FieldSpecification[];
  values: Record<string, string>;
  errors: Record<string, string>;
  onChange: (name: string, text: string) => void;
}

/** Fields beside each other where there is room. */
export function FieldGrid({ fields, values, errors, onChange }: FieldGridProps) {
  return (
    <div className="grid gap-x-5 gap-y-3 sm:grid-cols-2">
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          error={errors[field.name]}
          onChange={(text) => onChange(field.name, text)}
        />
      ))}
    </div>
  );
}

/** What is wrong inside is told there, once it is told at all. */
function errorsInside({ fields = [] }: FieldSpecification, typed: Typed, error: string | undefined) {
  return error === undefined ? {} : readParameters(fields, typed).errors;
}

const BOX = "flex min-w-0 flex-col gap-3 rounded-md border border-line p-3 sm:col-span-2";

/** An object: given once its box is checked, and with its defaults where nothing is typed. */
function ObjectField({ field, value, error, onChange }: FieldInputProps) {
  const id = useId();
  const isGiven = field.isRequired || value !== "";
  const typed = typedObject(value);
  const inside = errorsInside(field, typed, error);
  const isToldInside = isGiven && Object.keys(inside).length > 0;
  return (
    <fieldset className={isGiven ? BOX : "flex min-w-0 flex-col gap-1"} aria-describedby={notesOf(id)}>
      <legend className="font-medium">
        {field.isRequired ? (
          <>
            {field.title}
            <span className="text-failed"> *</span>
          </>
        ) : (
          <label className="flex items-center gap-1.5">
            <input
              type="checkbox"
              aria-invalid={error !== undefined && !isToldInside}
              checked={isGiven}
              onChange={() => onChange(isGiven ? "" : "{}")}
            />
            {field.title}
          </label>
        )}
      </legend>
      <div>
        <FieldNotes id={id} about={field.schema.description ?? ""} error={isToldInside ? undefined : error} />
      </div>
      {isGiven && (
        <FieldGrid
          fields={field.fields ?? []}
          values={typed}
          errors={inside}
          onChange={(name, text) => onChange(JSON.stringify({ ...typed, [name]: text }))}
        />
      )}
    </fieldset>
  );
}

/** A list of objects, to which one adds. */
function ObjectsField({ field, value, error, onChange }: FieldInputProps) {
  const id = useId();
  const items = typedObjects(value);
  const inside = items.map((typed) => errorsInside(field, typed, error));
  const isToldInside = inside.some((errors) => Object.keys(errors).length > 0);
  const change = (next: Typed[]) => onChange(next.length > 0 ? JSON.stringify(next) : "");
  return (
    <fieldset className="flex min-w-0 flex-col gap-2 sm:col-span-2" aria-describedby={notesOf(id)}>
      <legend className="mb-1 font-medium">
        {field.title}
        {field.isRequired && <span className="text-failed"> *</span>}
      </legend>
      {items.map((typed, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an entry is nothing but its place and what is typed into it
        <fieldset key={at} className={BOX}>
          <legend>{`${field.itemTitle} ${at + 1}`}</legend>
          <FieldGrid
            fields={field.fields ?? []}
            values={typed}
            errors={inside[at] ?? {}}
            onChange={(name, text) => change(items.with(at, { ...typed, [name]: text }))}
          />
          <Button className="self-end" onClick={() => change(items.toSpliced(at, 1))}>
            Remove {field.itemTitle?.toLowerCase()} {at + 1}
          </Button>
        </fieldset>
      ))}
      <Button
        className="self-start"
        data-invalid={error !== undefined && !isToldInside}
        onClick={() => change([...items, {}])}
      >
        Add {field.itemTitle?.toLowerCase()}
      </Button>
      <div>
        <FieldNotes id={id} about={field.schema.description ?? ""} error={isToldInside ? undefined : error} />
      </div>
    </fieldset>
  );
}
