"use client";

/** What is typed into the form of one task type, what it says as JSON, and its errors from here and from the API. */
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type ApiProblem, answerOf, asProblem, client } from "@/api/client";
import type { TaskDetail, TaskType } from "@/api/types";
import { type FieldErrors, readParameters, type Typed, typedParameters } from "./field-values";
import { readOptions, typedOptions } from "./options";
import { type PlacedErrors, placeErrors } from "./place-errors";
import { type FieldSpecification, fieldsOf, type JsonSchema, MORE, moreFieldOf, sourceNameOf } from "./schema-fields";
import { isUsed } from "./sections";
import type { Submission } from "./snippets";
import { isBegun, type Source } from "./source";
import { useAwaitedTasks } from "./use-awaited-tasks";

const NO_ERRORS: PlacedErrors = { parameters: {}, options: {}, others: [] };

const isTyped = (text: string | undefined): boolean => Boolean(text) && !isBegun(text ?? "");

/** Between its fields nobody has finished with an object: what it lacks is told once it is submitted. */
const isObject = ({ kind }: FieldSpecification): boolean => kind === "object" || kind === "objects";

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
  const schema = type.parameters as JsonSchema;
  const named = useMemo(() => fieldsOf(schema), [schema]);
  const [typed, setTyped] = useState<Typed>(() => typedParameters(named, firstParameters(type, beginning)));
  const [typedOption, setTypedOption] = useState<Typed>(() => (original ? typedOptions(original) : {}));
  const [refused, setRefused] = useState(NO_ERRORS);
  /** How often it could not be submitted as it was. */
  const [refusals, setRefusals] = useState(0);

  const fields = useMemo(
    () => [...named, ...moreFieldOf(schema, Boolean(typed[MORE]))].filter((field) => isUsed(field, typed)),
    [named, schema, typed],
  );
  const objects = new Set(fields.filter(isObject).map(({ name }) => name));
  const awaited = useAwaitedTasks(fields, typed);
  const read = useMemo(() => readParameters(fields, typed), [fields, typed]);
  const { options, idempotencyKey, errors: optionErrors } = readOptions(typedOption, awaited);
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
  const shown = (errors: FieldErrors, texts: Typed) => {
    const quiet = refusals > 0 ? [] : Object.keys(errors).filter((name) => !isTyped(texts[name]) || objects.has(name));
    return quiet.reduce(without, errors);
  };
  return {
    fields,
    typed,
    typedOption,
    awaited,
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
