import { CopyButton } from "./copy-button";

interface CodeBlockProps {
  title: string;
  text: string;
}

/** Text that is read and copied: JSON, a traceback, a command. */
export function CodeBlock({ title, text }: CodeBlockProps) {
  return (
    <figure className="panel min-w-0 overflow-hidden">
      <figcaption className="flex min-h-9 items-center justify-between gap-2 border-line border-b py-0.5 pr-1 pl-3 font-medium text-muted text-xs">
        {title}
        <CopyButton text={text} label={title} />
      </figcaption>
      <section
        aria-label={title}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        tabIndex={0}
        className="max-h-96 overflow-auto p-3"
      >
        <pre className="font-mono text-xs leading-relaxed">{text}</pre>
      </section>
    </figure>
  );
}
