"use client";

import { useState } from "react";
import { FieldGrid } from "./field-input";
import type { FieldErrors, Typed } from "./field-values";
import type { FieldSpecification } from "./schema-fields";
import { type FieldSection, sectionsOf } from "./sections";

interface ParameterFieldsProps {
  fields: readonly FieldSpecification[];
  values: Typed;
  errors: FieldErrors;
  onChange: (name: string, text: string) => void;
}

/** Fields without a section, and below them the sections, which are closed where nothing in them is given. */
export function ParameterFields({ fields, ...rest }: ParameterFieldsProps) {
  return (
    <div className="flex flex-col gap-4">
      <FieldGrid fields={fields.filter(({ section }) => !section)} {...rest} />
      {sectionsOf(fields).map((section) => (
        <SectionFields key={section.title} section={section} {...rest} />
      ))}
    </div>
  );
}

interface SectionFieldsProps extends Omit<ParameterFieldsProps, "fields"> {
  section: FieldSection;
}

function SectionFields({ section, ...rest }: SectionFieldsProps) {
  const [isOpen, setOpen] = useState(() => section.fields.some(({ name }) => rest.values[name]));
  const isWrong = section.fields.some(({ name }) => rest.errors[name] !== undefined);
  return (
    <details
      open={isOpen || isWrong}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      className="rounded-md border border-line px-3 py-2"
    >
      <summary className="font-medium">{section.title}</summary>
      <div className="pt-3 pb-1">
        <FieldGrid fields={section.fields} {...rest} />
      </div>
    </details>
  );
}
