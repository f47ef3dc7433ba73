import { CodeBlock } from "./code-block";

export function JsonBlock({ title, value }: { title: string; value: unknown }) {
  return <CodeBlock title={title} text={JSON.stringify(value, null, 2)} />;
}
