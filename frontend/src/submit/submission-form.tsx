"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useId, useRef, useSyncExternalStore } from "react";
import { ApiProblem } from "@/api/client";
import type { TaskType } from "@/api/types";
import { Button } from "@/elements/button";
import { CodeBlock } from "@/elements/code-block";
import { ProblemNotice } from "@/elements/problem-notice";
import { FieldGrid } from "./field-input";
import { DEPENDENCY_FAILURE, DEPENDS_ON, LABELS, OPTION_FIELDS } from "./options";
import { ParameterFields } from "./parameter-fields";
import type { FieldSpecification } from "./schema-fields";
import { apiAddress, curlFor, pythonFor } from "./snippets";
import { type Beginning, useSubmission } from "./use-submission";

const LABELS_FIELD: FieldSpecification = {
  name: LABELS,
  title: "Labels",
  kind: "lines",
  isRequired: false,
  schema: { description: "key=value, one a line: your own words, to filter by.", examples: ["team=blue"] },
  choices: [],
};

function dependsOnField(awaited: readonly string[]): FieldSpecification {
  const also = awaited.map((id) => `Also \`${id}\`, whose file it reads.`);
  return {
    name: DEPENDS_ON,
    title: "Run after",
    kind: "lines",
    isRequired: false,
    schema: { description: ["Ids of tasks that are to end first, one a line.", ...also].join(" ") },
    choices: [],
  };
}

/** A control of what is wrong; buttons have no `aria-invalid`. */
const INVALID = '[aria-invalid="true"], [data-invalid="true"]';

interface SubmissionFormProps {
  type: TaskType;
  beginning: Beginning;
}

export function SubmissionForm({ type, beginning }: SubmissionFormProps) {
  const router = useRouter();
  const form = useSubmission(type, beginning, (id) => router.push(`/task/?id=${id}`));
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (form.refusals > 0) element.current?.querySelector<HTMLElement>(INVALID)?.focus();
  }, [form.refusals]);
  return (
    <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,1fr)_minmax(0,28rem)]">
      <form
        ref={element}
        noValidate
        className="panel flex flex-col gap-5 p-4 sm:p-5"
        onSubmit={(event) => {
          event.preventDefault();
          form.send();
        }}
      >
        <Part title="Parameters">
          <ParameterFields
            fields={form.fields}
            values={form.typed}
            errors={form.parameterErrors}
            onChange={form.changeParameter}
          />
        </Part>
        <Part title="Options">
          <FieldGrid
            fields={[...OPTION_FIELDS, LABELS_FIELD, dependsOnField(form.awaited), DEPENDENCY_FAILURE]}
            values={form.typedOption}
            errors={form.optionErrors}
            onChange={form.changeOption}
          />
        </Part>
        {form.sending.error && <Refusal problem={form.sending.error} others={form.otherErrors} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={form.sending.isPending}>
            Submit task
          </Button>
        </div>
      </form>
      <Snippets form={form} />
    </div>
  );
}

/** What the API says, but for what is told at the fields. */
function Refusal({ problem, others }: { problem: ApiProblem; others: string[] }) {
  const { status, title, errors } = problem;
  const detail = others.length > 0 ? others.join(" ") : "What is wrong is told at its field.";
  return <ProblemNotice error={errors.length > 0 ? new ApiProblem(status, { title, detail }) : problem} />;
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id} className="mb-3 font-semibold text-base">
        {title}
      </h2>
      {children}
    </section>
  );
}

function Snippets({ form }: { form: ReturnType<typeof useSubmission> }) {
  const api = useSyncExternalStore(
    () => () => {},
    apiAddress,
    () => "",
  );
  return (
    <aside aria-label="The same call" className="flex min-w-0 flex-col gap-4 lg:sticky lg:top-16">
      <CodeBlock title="The same with curl" text={curlFor(api, form.submission, form.idempotencyKey)} />
      <CodeBlock title="The same in Python" text={pythonFor(api, form.submission, form.idempotencyKey)} />
    </aside>
  );
}
