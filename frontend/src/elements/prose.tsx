/** Between backticks, as authors of task types and the API write names and code. */
const CODE = /`([^`]+)`/;

/** A sentence whose `code` looks like code. */
export function Prose({ text }: { text: string }) {
  return text.split(CODE).map((part, at) =>
    at % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never change places
      <code key={at} className="font-mono text-[0.92em]">
        {part}
      </code>
    ),
  );
}
