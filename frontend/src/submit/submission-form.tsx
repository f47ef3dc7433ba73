"use client";

import { useRouter } from "next/navigation";
import { useEffect, useId, useRef, useSyncExternalStore } from "react";
import type { TaskType } from "@/api/types";
import { Button } from "@/elements/button";
import { CodeBlock } from "@/elements/code-block";
import { ProblemNotice } from "@/elements/problem-notice";
import { FieldInput } from "./field-input";
import { MORE } from "./field-values";
import { DEPENDENCY_FAILURE, DEPENDS_ON, LABELS, OPTION_FIELDS } from "./options";
import { type FieldSpecification, type JsonSchema, takesMore } from "./schema-fields";
import { apiAddress, curlFor, pythonFor } from "./snippets";
import { type Beginning, useSubmission } from "./use-submission";

const MORE_FIELD: FieldSpecification = {
  name: MORE,
  title: "More parameters",
  kind: "json",
  isRequired: false,
  schema: { description: "A JSON object with names that this type does not list.", examples: [{ colour: "red" }] },
  choices: [],
};

const LABELS_FIELD: FieldSpecification = {
  name: LABELS,
  title: "Labels",
  kind: "lines",
  isRequired: false,
  schema: { description: "key=value, one a line: your own words, to filter by.", examples: ["team=blue"] },
  choices: [],
};

const DEPENDS_ON_FIELD: FieldSpecification = {
  name: DEPENDS_ON,
  title: "Run after",
  kind: "lines",
  isRequired: false,
  schema: { description: "Ids of tasks that are to end first, one a line." },
  choices: [],
};

interface SubmissionFormProps {
  type: TaskType;
  beginning: Beginning;
}

export function SubmissionForm({ type, beginning }: SubmissionFormProps) {
  const router = useRouter();
  const form = useSubmission(type, beginning, (id) => router.push(`/task/?id=${id}`));
  const fields = takesMore(type.parameters as JsonSchema) ? [...form.fields, MORE_FIELD] : form.fields;
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (form.refusals > 0) element.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
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
        <Fields
          title="Parameters"
          fields={fields}
          values={form.typed}
          errors={form.parameterErrors}
          onChange={form.changeParameter}
        />
        <Fields
          title="Options"
          fields={[...OPTION_FIELDS, LABELS_FIELD, DEPENDS_ON_FIELD, DEPENDENCY_FAILURE]}
          values={form.typedOption}
          errors={form.optionErrors}
          onChange={form.changeOption}
        />
        {form.sending.error && <ProblemNotice error={form.sending.error} />}
        {form.otherErrors.map((text) => (
          <p key={text} className="text-failed">
            {text}
          </p>
        ))}
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

interface FieldsProps {
  title: string;
  fields: readonly FieldSpecification[];
  values: Record<string, string>;
  errors: Record<string, string>;
  onChange: (name: string, text: string) => void;
}

function Fields({ title, fields, values, errors, onChange }: FieldsProps) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id} className="mb-3 font-semibold text-base">
        {title}
      </h2>
      <div className="grid gap-x-5 gap-y-3 sm:grid-cols-2">
        {fields.map((field) => (
          <FieldInput
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            error={errors[field.name]}
            onChange={(text) => onChange(field.name, text)}
          />
        ))}
      </div>
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
