"use client";

/** What is typed into the form of one task type, what it says as JSON, and its errors from here and from the API. */
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type ApiProblem, answerOf, asProblem, client } from "@/api/client";
import type { TaskDetail, TaskType } from "@/api/types";
import { type FieldErrors, readParameters, type Typed, typedParameters } from "./field-values";
import type { JsonSchema } from "./json-schema";
import { readOptions, typedOptions } from "./options";
import { type PlacedErrors, placeErrors } from "./place-errors";
import { type FieldSpecification, fieldsOf, MORE, moreFieldOf, sourceNameOf } from "./schema-fields";
import { isUsed } from "./sections";
import type { Submission } from "./snippets";
import { isBegun, type Source } from "./source";
import { useAwaitedTasks } from "./use-awaited-tasks";

const NO_ERRORS: PlacedErrors = { parameters: {}, options: {}, others: [] };

const isTyped = (text: string | undefined): boolean => Boolean(text) && !isBegun(text ?? "");

function without(errors: FieldErrors, name: string): FieldErrors {
  const { [name]: _, ...rest } = errors;
  return rest;
}

/**
 * What is told before somebody tries to submit: nothing of a field that was never touched.
 *
 * Nor of an object, whose fields are typed one after another.
 */
function toldAtOnce(errors: FieldErrors, typed: Typed, fields: readonly FieldSpecification[] = []): FieldErrors {
  const objects = fields.filter(({ kind }) => kind === "object" || kind === "objects").map(({ name }) => name);
  const quiet = Object.keys(errors).filter((name) => !isTyped(typed[name]) || objects.includes(name));
  return quiet.reduce(without, errors);
}

/** Also those of other parameters that name this one: they may fit together now. */
const withoutThoseOf = (errors: FieldErrors, name: string): FieldErrors =>
  Object.keys(errors)
    .filter((other) => other === name || errors[other]?.includes(`\`${name}\``))
    .reduce(without, errors);

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

/** What is typed into the fields of the parameters that are in use, and what it says. */
function useParameters(type: TaskType, beginning: Beginning) {
  const schema = type.parameters as JsonSchema;
  const named = useMemo(() => fieldsOf(schema), [schema]);
  const [typed, setTyped] = useState<Typed>(() => typedParameters(named, firstParameters(type, beginning)));
  const fields = useMemo(
    () => [...named, ...moreFieldOf(schema, Boolean(typed[MORE]))].filter((field) => isUsed(field, typed)),
    [named, schema, typed],
  );
  const read = useMemo(() => readParameters(fields, typed), [fields, typed]);
  const change = (name: string, text: string) => setTyped((before) => ({ ...before, [name]: text }));
  return { fields, typed, read, change };
}

/** Sends it, and keeps what was refused of it. */
function useSending(send: () => Promise<string>, fields: readonly FieldSpecification[], onSent: (id: string) => void) {
  const [refused, setRefused] = useState(NO_ERRORS);
  /** How often it could not be submitted as it was. */
  const [refusals, setRefusals] = useState(0);
  const refuse = () => setRefusals((count) => count + 1);
  const sending = useMutation<string, ApiProblem>({
    mutationFn: send,
    onSuccess: onSent,
    onError: (error) => {
      const names = fields.map(({ name }) => name);
      setRefused(placeErrors(asProblem(error), names));
      refuse();
    },
  });
  return { sending, refused, setRefused, refusals, refuse };
}

export function useSubmission(type: TaskType, beginning: Beginning, onSubmitted: (id: string) => void) {
  const { original } = beginning;
  const { fields, typed, read, change } = useParameters(type, beginning);
  const [typedOption, setTypedOption] = useState<Typed>(() => (original ? typedOptions(original) : {}));
  const awaited = useAwaitedTasks(fields, typed);
  const { options, idempotencyKey, errors: optionErrors } = readOptions(typedOption, awaited);
  const submission: Submission = { task_type: type.name, parameters: read.parameters, ...options };
  const isReady = Object.keys(read.errors).length + Object.keys(optionErrors).length === 0;
  const submitted = () => submit(submission, idempotencyKey);
  const { sending, refused, setRefused, refusals, refuse } = useSending(submitted, fields, onSubmitted);
  const told = refusals > 0 ? (errors: FieldErrors) => errors : toldAtOnce;
  const changeParameter = (name: string, text: string) => {
    change(name, text);
    setRefused((before) => ({ ...before, parameters: withoutThoseOf(before.parameters, name) }));
  };
  const changeOption = (name: string, text: string) => {
    setTypedOption((before) => ({ ...before, [name]: text }));
    setRefused((before) => ({ ...before, options: without(before.options, name) }));
  };
  return {
    fields,
    typed,
    typedOption,
    awaited,
    submission,
    idempotencyKey,
    sending,
    send: () => (isReady ? sending.mutate() : refuse()),
    refusals,
    changeParameter,
    changeOption,
    parameterErrors: { ...refused.parameters, ...told(read.errors, typed, fields) },
    optionErrors: { ...refused.options, ...told(optionErrors, typedOption) },
    otherErrors: refused.others,
  };
}

async function submit(submission: Submission, idempotencyKey: string | undefined): Promise<string> {
  const header = idempotencyKey ? { "idempotency-key": idempotencyKey } : {};
  const task = await answerOf(client.POST("/tasks", { params: { header }, body: submission as never }));
  return task.task_id;
}
