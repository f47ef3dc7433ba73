import { describe, expect, it } from "vitest";
import { readParameters, typedParameters } from "@/submit/field-values";
import type { JsonSchema } from "@/submit/json-schema";
import { fieldsOf, sourceNameOf } from "@/submit/schema-fields";
import { curlFor, pythonFor } from "@/submit/snippets";
import { begunSource, isBegun, kindOfSource, readSource, sourceFrom, typedSource } from "@/submit/source";
import { TASK_ID } from "./samples";

const properties = (...names: string[]): JsonSchema => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});
const SOURCE: JsonSchema = { oneOf: ["FileSource", "UrlSource", "ArtifactSource"].map(refTo) };
const SCHEMA: JsonSchema = {
  type: "object",
  required: ["source"],
  properties: {
    rows: { type: "integer" },
    source: SOURCE,
    other: { anyOf: [SOURCE, { type: "null" }], default: null },
    either: { oneOf: ["FileSource", "UrlSource"].map(refTo) },
  },
  $defs: {
    FileSource: properties("file_id"),
    UrlSource: properties("url"),
    ArtifactSource: properties("task_id", "artifact"),
  },
};
const FIELDS = fieldsOf(SCHEMA);

function refTo(name: string): JsonSchema {
  return { $ref: `#/$defs/${name}` };
}

describe("a source in a schema", () => {
  it("is known by its three kinds, also where it may be left out", () => {
    expect(FIELDS.map(({ kind }) => kind)).toEqual(["integer", "source", "source", "json"]);
    expect(sourceNameOf(SCHEMA)).toBe("source");
    expect(sourceNameOf({ properties: { rows: { type: "integer" } } })).toBeUndefined();
  });

  it("becomes a parameter once it is whole", () => {
    const typed = { source: begunSource("upload"), other: "" };
    expect(readParameters(FIELDS, typed)).toEqual({
      parameters: {},
      errors: { source: "Choose a file, and wait until it has arrived." },
    });
    const whole = { ...typed, source: typedSource({ file_id: TASK_ID }) };
    expect(readParameters(FIELDS, whole)).toEqual({ parameters: { source: { file_id: TASK_ID } }, errors: {} });
  });

  it("is typed as it was submitted, and not at all where it was null", () => {
    const source = { task_id: TASK_ID, artifact: "video.mp4" };
    const typed = typedParameters(FIELDS, { source, other: null });
    expect(sourceFrom(typed.source ?? "")).toEqual(source);
    expect(typed.other).toBe("");
  });
});

describe("what a source lacks", () => {
  it.each([
    [{ url: "ftp://host/file" }, "http:// or https://"],
    [{ url: "https://host/a b" }, "http:// or https://"],
    [{ url: `https://host/${"a".repeat(4_096)}` }, "at most 4096"],
    [{ task_id: "019ab5c2", artifact: "" }, "the id of a task"],
    [{ task_id: TASK_ID, artifact: "" }, "which of its files"],
  ])("is told of %j", (source, expected) => {
    expect(readSource(JSON.stringify(source))).toEqual({ error: expect.stringContaining(expected) });
  });

  it("is nothing where it is whole", () => {
    for (const source of [{ url: "https://host/file" }, { task_id: TASK_ID, artifact: "a" }]) {
      expect(readSource(JSON.stringify(source))).toEqual({ value: source });
    }
  });

  it("is not held against somebody who has only chosen how", () => {
    for (const kind of ["upload", "address", "artifact"] as const) {
      expect(isBegun(begunSource(kind))).toBe(true);
      expect(kindOfSource(sourceFrom(begunSource(kind)) ?? { url: "" })).toBe(kind);
    }
    expect(isBegun(typedSource({ url: "h" }))).toBe(false);
  });
});

describe("the calls beside the form", () => {
  it("have the source", () => {
    const submission = { task_type: "copy", parameters: { source: { task_id: TASK_ID, artifact: "a.csv" } } };
    for (const text of [curlFor("http://host/api", submission), pythonFor("http://host/api", submission)]) {
      expect(text).toContain('"artifact": "a.csv"');
    }
  });
});
