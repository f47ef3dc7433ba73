import { describe, expect, it } from "vitest";
import { ApiProblem } from "@/api/client";
import type { TaskDetail } from "@/api/types";
import { readParameters, typedParameters } from "@/submit/field-values";
import type { JsonSchema } from "@/submit/json-schema";
import { DEPENDENCY_FAILURE, DEPENDS_ON, IDEMPOTENCY_KEY, LABELS, readOptions, typedOptions } from "@/submit/options";
import { placeErrors } from "@/submit/place-errors";
import { fieldsOf, MORE, moreFieldOf } from "@/submit/schema-fields";
import { curlFor, pythonFor } from "@/submit/snippets";
import { OTHER_ID, TASK_ID, task } from "./samples";

const SCHEMA: JsonSchema = {
  type: "object",
  required: ["title"],
  properties: {
    title: { type: "string", maxLength: 5, title: "Title" },
    rows: { type: "integer", minimum: 1, default: 10 },
    ratio: { anyOf: [{ type: "number" }, { type: "null" }], default: null },
    draft: { type: "boolean" },
    size: { $ref: "#/$defs/Size" },
    tags: { type: "array" },
  },
  $defs: { Size: { enum: ["small", "large"] } },
};
const FIELDS = fieldsOf(SCHEMA);

describe("the fields of a schema", () => {
  it("have the kind that their schema says, also through references and null", () => {
    expect(FIELDS.map(({ kind }) => kind)).toEqual(["text", "integer", "number", "boolean", "choice", "json"]);
  });

  it("become parameters of the right types, without those that are not given", () => {
    const typed = { title: "Q3", rows: "5", ratio: "", draft: "true", size: '"small"', tags: '["a"]' };
    expect(readParameters(FIELDS, typed)).toEqual({
      parameters: { title: "Q3", rows: 5, draft: true, size: "small", tags: ["a"] },
      errors: {},
    });
  });

  it("say what is wrong where it is wrong", () => {
    const { errors } = readParameters(FIELDS, { title: "too long", rows: "0.5", ratio: "x", tags: "[" });
    expect(errors.title).toContain("at most 5");
    expect(errors.rows).toContain("whole number");
    expect(errors.ratio).toContain("a number");
    expect(errors.tags).toContain("JSON");
  });

  it("take other names as one JSON object, and show those of a task to clone there", () => {
    const fields = [...FIELDS, ...moreFieldOf(SCHEMA, false)];
    const typed = typedParameters(fields, { title: "Q3", colour: "red" });
    expect(JSON.parse(typed[MORE] ?? "")).toEqual({ colour: "red" });
    expect(readParameters(fields, typed).parameters).toEqual({ title: "Q3", colour: "red" });
    expect(readParameters(fields, { title: "Q3", [MORE]: "7" }).errors[MORE]).toContain("a JSON object");
  });

  it("have none for other names where the type takes none, unless the task to clone has some", () => {
    const closed = { ...SCHEMA, additionalProperties: false };
    expect(moreFieldOf(closed, false)).toEqual([]);
    expect(moreFieldOf(closed, true)).toHaveLength(1);
  });
});

describe("options", () => {
  it("keep the idempotency key apart from the body", () => {
    const read = readOptions({ priority: "9", [IDEMPOTENCY_KEY]: "k-1", [LABELS]: "team=blue\nnote=a=b" });
    expect(read).toEqual({
      options: { priority: 9, labels: { team: "blue", note: "a=b" } },
      idempotencyKey: "k-1",
      errors: {},
    });
  });
});

describe("what a task runs after", () => {
  const read = (text: string, failure = "") => readOptions({ [DEPENDS_ON]: text, [DEPENDENCY_FAILURE.name]: failure });

  it("is ids between lines, commas or spaces, each once", () => {
    const { options, errors } = read(`${TASK_ID}, ${OTHER_ID}\n${TASK_ID.toUpperCase()}\n`, '"fail"');
    expect(options).toEqual({ depends_on: [TASK_ID, OTHER_ID], on_dependency_failure: "fail" });
    expect(errors).toEqual({});
  });

  it("is also a task that is still to make a file which it reads, once", () => {
    expect(readOptions({}, [TASK_ID]).options).toEqual({ depends_on: [TASK_ID] });
    expect(readOptions({ [DEPENDS_ON]: OTHER_ID }, [TASK_ID]).options.depends_on).toEqual([OTHER_ID, TASK_ID]);
    expect(readOptions({ [DEPENDS_ON]: TASK_ID }, [TASK_ID]).options.depends_on).toEqual([TASK_ID]);
  });

  it("is left out where there is nothing, whatever was to follow a failure", () => {
    expect(read(" \n", '"run"').options).toEqual({});
    expect(read(TASK_ID).options).toEqual({ depends_on: [TASK_ID] });
  });

  it("is told apart from what is no id, and from too much", () => {
    expect(read(`${TASK_ID}\nabc`).errors[DEPENDS_ON]).toContain("abc: ");
    const ids = Array.from({ length: 101 }, (_, at) => `${TASK_ID.slice(0, -3)}${100 + at}`);
    expect(read(ids.join("\n")).errors[DEPENDS_ON]).toContain("100 at most");
    expect(read(ids.slice(1).join(",")).errors).toEqual({});
  });

  it("is typed for a clone as it was given", () => {
    const original = { ...task(), depends_on: [OTHER_ID], on_dependency_failure: "run" } as TaskDetail;
    const { depends_on, on_dependency_failure } = readOptions(typedOptions(original)).options;
    expect([depends_on, on_dependency_failure]).toEqual([[OTHER_ID], "run"]);
  });

  it("is in the call in Python, and is where the API's refusal goes", () => {
    const text = pythonFor("http://host/api", { task_type: "default", ...read(TASK_ID, '"run"').options });
    expect(text).toContain(`depends_on=["${TASK_ID}"],`);
    expect(text).toContain('on_dependency_failure="run",');
    const type = "urn:atropos:problem:dependency-not-found";
    const problem = new ApiProblem(422, { type, title: "no", detail: "There is no task 7." });
    expect(placeErrors(problem, []).options).toEqual({ [DEPENDS_ON]: "There is no task 7." });
  });
});

describe("errors of the API", () => {
  it("go to the fields where they were made", () => {
    const errors = [
      { location: ["body", "default", "parameters", "rows"], message: "too few", type: "x" },
      { location: ["body", "default", "parameters", "odd"], message: "not known", type: "x" },
      { location: ["body", "default", "parameters", "charts", 0, "x"], message: "too long", type: "x" },
      { location: ["body", "default", "parameters"], message: "Value error, `sum` needs `rows`", type: "x" },
      { location: ["body", "default", "parameters"], message: "Value error, `group` needs `sum`", type: "x" },
      { location: ["body", "default", "priority"], message: "too great", type: "x" },
      { location: ["header", "idempotency-key"], message: "not printable", type: "x" },
      { location: ["body"], message: "odd", type: "x" },
    ];
    const placed = placeErrors(new ApiProblem(422, { errors }), ["rows", "charts", "group", MORE]);
    expect(placed.parameters).toEqual({
      rows: "too few",
      charts: "entry 1, x: too long",
      group: "`group` needs `sum`",
      [MORE]: "odd: not known",
    });
    expect(placed.options).toEqual({ priority: "too great", [IDEMPOTENCY_KEY]: "not printable" });
    expect(placed.others).toEqual(["`sum` needs `rows`", "body: odd"]);
  });
});

describe("snippets", () => {
  const submission = { task_type: "default", parameters: { message: "it's", draft: true, none: null } };

  it("quote for the shell", () => {
    expect(curlFor("http://host/api", submission, "k")).toContain(`"it'\\''s"`);
  });

  it("are Python, not JSON", () => {
    const text = pythonFor("http://host/api", submission);
    expect(text).toContain('"draft": True,');
    expect(text).toContain('"none": None,');
  });
});
