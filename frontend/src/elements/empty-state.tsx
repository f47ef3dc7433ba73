import type { ReactNode } from "react";

interface EmptyStateProps {
  title: string;
  /** The level of the title: `h1` where nothing else is on the page. */
  heading?: "h1" | "h2";
  children: ReactNode;
}

/** Says why there is nothing, and what would change that. */
export function EmptyState({ title, heading: Heading = "h2", children }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-2xl flex-col gap-3 px-4 py-12 text-center">
      <Heading className="font-semibold text-base">{title}</Heading>
      <div className="flex flex-col gap-3 text-muted">{children}</div>
    </div>
  );
}
