import { describe, expect, it } from "vitest";
import { readParameters, typedParameters } from "@/submit/field-values";
import type { JsonSchema } from "@/submit/json-schema";
import { fieldsOf, MORE, moreFieldOf } from "@/submit/schema-fields";
import { isUsed, sectionsOf } from "@/submit/sections";
import { sentenceCase, titleOf } from "@/submit/titles";

const PRETENDED: JsonSchema = { "x-section": { title: "Simulation", unless: ["source"] } };
const SCHEMA: JsonSchema = {
  required: ["size"],
  additionalProperties: PRETENDED,
  properties: {
    rows: { type: "integer", ...PRETENDED },
    source: { type: "string" },
    video: { anyOf: [{ $ref: "#/$defs/VideoOutput" }, { type: "null" }], default: null },
    size: { $ref: "#/$defs/Size" },
    charts: { type: "array", items: { $ref: "#/$defs/BarChart" }, maxItems: 2, default: [] },
    note: { type: "string", "x-section": { title: "Notes" } },
  },
  $defs: {
    Size: { type: "object", properties: { width: { type: "integer", default: 1, maximum: 9 } } },
    VideoOutput: {
      type: "object",
      title: "VideoOutput",
      additionalProperties: false,
      properties: { size: { $ref: "#/$defs/Size" }, format: { enum: ["mp4", "webm"] } },
    },
    BarChart: {
      type: "object",
      title: "BarChart",
      required: ["x"],
      properties: { x: { type: "string", pattern: "^[a-z]+$" }, columns: { type: "array", items: { type: "string" } } },
    },
  },
};
const FIELDS = [...fieldsOf(SCHEMA), ...moreFieldOf(SCHEMA, false)];
const named = (fields: readonly { name: string }[]) => fields.map(({ name }) => name);

describe("titles", () => {
  it("are the parameter's own name, and never that of the model it refers to", () => {
    expect(titleOf("group_by", "Group By")).toBe("Group by");
    expect(titleOf("mp3file", "Mp3File")).toBe("Mp3file");
    expect(FIELDS.find(({ name }) => name === "video")?.title).toBe("Video");
    expect(titleOf("_", undefined)).toBe("_");
  });

  it("are those of the author where there are some", () => {
    expect(titleOf("sql", "SQL")).toBe("SQL");
    expect(titleOf("group_by", "Groups")).toBe("Groups");
  });

  it("are words also where they are made of a class", () => {
    expect(sentenceCase("BarChart")).toBe("Bar chart");
  });
});

describe("sections", () => {
  it("hold what their fields say, other names too", () => {
    const sections = sectionsOf(FIELDS).map(({ title, fields }) => [title, named(fields)]);
    expect(sections).toEqual([
      ["Simulation", ["rows", MORE]],
      ["Notes", ["note"]],
    ]);
  });

  it("are out of use while one of certain parameters is given", () => {
    const used = (source: string) => named(FIELDS.filter((field) => isUsed(field, { source })));
    expect(used("")).toContain("rows");
    expect(used("x")).toEqual(["source", "video", "size", "charts", "note"]);
  });
});

describe("objects", () => {
  it("have fields of their own, but for objects inside them", () => {
    const kinds = FIELDS.map(({ kind, fields }) => [kind, fields?.map((field) => field.kind)]);
    expect(kinds.slice(2, 5)).toEqual([
      ["object", ["json", "choice"]],
      ["object", ["integer"]],
      ["objects", ["text", "list"]],
    ]);
  });

  it.each([
    { size: {} },
    { size: { width: 4 }, video: {}, charts: [] },
    { size: {}, video: { format: "webm", size: { width: 2 } }, charts: [{ x: "a" }, { x: "b", columns: ["c", "[d"] }] },
  ])("are the same after they were shown: %j", (parameters) => {
    expect(readParameters(FIELDS, typedParameters(FIELDS, parameters))).toEqual({ parameters, errors: {} });
  });

  it("are given empty where they are required, and not at all where they are not", () => {
    expect(readParameters(FIELDS, {})).toEqual({ parameters: { size: {} }, errors: {} });
    expect(typedParameters(FIELDS, { video: null }).video).toBe("");
  });

  it("say which of their fields is wrong", () => {
    const { errors } = readParameters(FIELDS, { size: '{"width":"10"}', charts: '[{"x":"a"},{}]' });
    expect(errors).toEqual({
      size: "Width: This must be at most 9.",
      charts: "Bar chart 2, X: This is required.",
    });
    expect(readParameters(FIELDS, { charts: '[{"x":"a"},{"x":"a"},{"x":"a"}]' }).errors.charts).toContain("2 at most");
  });
});
