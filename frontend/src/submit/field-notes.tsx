import { Prose } from "@/elements/prose";

interface FieldNotesProps {
  /** Of the field: those of the notes are made from it. */
  id: string;
  about: string;
  error: string | undefined;
}

/** The ids of the notes, for `aria-describedby`. */
export const notesOf = (id: string): string => `${id}-about ${id}-error`;

/** Below a field: what it means, and what is wrong with it. */
export function FieldNotes({ id, about, error }: FieldNotesProps) {
  return (
    <>
      <p id={`${id}-about`} className="break-words text-muted text-xs">
        <Prose text={about} />
      </p>
      <p id={`${id}-error`} role={error ? "alert" : undefined} className="break-words text-failed text-xs">
        {error && <Prose text={error} />}
      </p>
    </>
  );
}
