/** Which fields stand together, and which are out of use. */
import type { FieldSpecification } from "./schema-fields";

/** By name, as typed; empty means not given. */
type Typed = Record<string, string>;

/** Whether it is shown and sent beside what else is given. */
export const isUsed = ({ section }: FieldSpecification, typed: Typed): boolean =>
  !section?.unless?.some((name) => typed[name]);

export interface FieldSection {
  title: string;
  fields: FieldSpecification[];
}

/** The fields of each section, in the order of the schema. */
export function sectionsOf(fields: readonly FieldSpecification[]): FieldSection[] {
  const found = new Map<string, FieldSpecification[]>();
  for (const field of fields) {
    if (field.section) found.set(field.section.title, [...(found.get(field.section.title) ?? []), field]);
  }
  return [...found].map(([title, members]) => ({ title, fields: members }));
}
