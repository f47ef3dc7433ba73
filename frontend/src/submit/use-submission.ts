"use client";

/** What is typed into the form of one task type, what it says as JSON, and its errors from here and from the API. */
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type ApiProblem, answerOf, asProblem, client } from "@/api/client";
import type { TaskDetail, TaskType } from "@/api/types";
import { type FieldErrors, readParameters, type Typed, typedParameters } from "./field-values";
import { readOptions, typedOptions } from "./options";
import { type PlacedErrors, placeErrors } from "./place-errors";
import { fieldsOf, type JsonSchema, sourceNameOf } from "./schema-fields";
import type { Submission } from "./snippets";
import { isBegun, type Source } from "./source";

const NO_ERRORS: PlacedErrors = { parameters: {}, options: {}, others: [] };

const isTyped = (text: string | undefined): boolean => Boolean(text) && !isBegun(text ?? "");

function without(errors: FieldErrors, name: string): FieldErrors {
  const { [name]: _, ...rest } = errors;
  return rest;
}

/** What the form begins with. */
export interface Beginning {
  /** The task that is cloned. */
  original: TaskDetail | undefined;
  /** The file that the task shall read. */
  artifact: Source | undefined;
}

function firstParameters(type: TaskType, { original, artifact }: Beginning): Record<string, unknown> {
  const name = sourceNameOf(type.parameters as JsonSchema);
  if (artifact && name) return { [name]: artifact };
  return original?.parameters ?? type.example ?? {};
}

export function useSubmission(type: TaskType, beginning: Beginning, onSubmitted: (id: string) => void) {
  const { original } = beginning;
  const fields = useMemo(() => fieldsOf(type.parameters as JsonSchema), [type]);
  const [typed, setTyped] = useState<Typed>(() => typedParameters(fields, firstParameters(type, beginning)));
  const [typedOption, setTypedOption] = useState<Typed>(() => (original ? typedOptions(original) : {}));
  const [refused, setRefused] = useState(NO_ERRORS);
  /** How often it could not be submitted as it was. */
  const [refusals, setRefusals] = useState(0);

  const read = useMemo(() => readParameters(fields, typed), [fields, typed]);
  const { options, idempotencyKey, errors: optionErrors } = useMemo(() => readOptions(typedOption), [typedOption]);
  const submission: Submission = { task_type: type.name, parameters: read.parameters, ...options };
  const isReady = Object.keys(read.errors).length + Object.keys(optionErrors).length === 0;

  const sending = useMutation<string, ApiProblem>({
    mutationFn: () => submit(submission, idempotencyKey),
    onSuccess: onSubmitted,
    onError: (error) => {
      const names = fields.map(({ name }) => name);
      setRefused(placeErrors(asProblem(error), names));
      setRefusals((count) => count + 1);
    },
  });
  const send = () => {
    if (isReady) sending.mutate();
    else setRefusals((count) => count + 1);
  };
  const changeParameter = (name: string, text: string) => {
    setTyped((before) => ({ ...before, [name]: text }));
    setRefused((before) => ({ ...before, parameters: without(before.parameters, name) }));
  };
  const changeOption = (name: string, text: string) => {
    setTypedOption((before) => ({ ...before, [name]: text }));
    setRefused((before) => ({ ...before, options: without(before.options, name) }));
  };
  /** A field that was never touched is not called wrong before somebody tries to submit. */
  const shown = (errors: FieldErrors, texts: Typed) =>
    refusals > 0 ? errors : Object.fromEntries(Object.entries(errors).filter(([name]) => isTyped(texts[name])));
  return {
    fields,
    typed,
    typedOption,
    submission,
    idempotencyKey,
    sending,
    send,
    refusals,
    changeParameter,
    changeOption,
    parameterErrors: { ...refused.parameters, ...shown(read.errors, typed) },
    optionErrors: { ...refused.options, ...shown(optionErrors, typedOption) },
    otherErrors: refused.others,
  };
}

async function submit(submission: Submission, idempotencyKey: string | undefined): Promise<string> {
  const header = idempotencyKey ? { "idempotency-key": idempotencyKey } : {};
  const task = await answerOf(client.POST("/tasks", { params: { header }, body: submission as never }));
  return task.task_id;
}
