import type { FieldSpecification } from "./schema-fields";

/** What each kind of field is given. */
export interface FieldInputProps {
  field: FieldSpecification;
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}
