import type { ReactNode } from "react";
import { asProblem } from "@/api/client";
import { Prose } from "./prose";

interface ProblemNoticeProps {
  error: unknown;
  /** What the reader can do about it. */
  children?: ReactNode;
}

export function ProblemNotice({ error, children }: ProblemNoticeProps) {
  const problem = asProblem(error);
  return (
    <div role="alert" className="rounded-lg border border-failed bg-failed-soft p-3 text-failed">
      <p className="font-semibold">{problem.title}</p>
      {problem.detail && (
        <p className="mt-0.5 break-words">
          <Prose text={problem.detail} />
        </p>
      )}
      {children && <div className="mt-2 flex flex-wrap gap-2">{children}</div>}
    </div>
  );
}
