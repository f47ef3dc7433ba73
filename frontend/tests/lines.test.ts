import { describe, expect, it } from "vitest";
import { readParameters, typedParameters } from "@/submit/field-values";
import type { JsonSchema } from "@/submit/json-schema";
import { fieldsOf } from "@/submit/schema-fields";

const COLUMN: JsonSchema = { type: "string", minLength: 1, maxLength: 10 };
const SCHEMA: JsonSchema = {
  properties: {
    columns: { anyOf: [{ type: "array", items: COLUMN, maxItems: 3 }, { type: "null" }], default: null },
    sums: { type: "object", additionalProperties: { type: "string" }, propertyNames: COLUMN },
    formats: { type: "array", items: { $ref: "#/$defs/Format" }, minItems: 1, default: ["pdf"] },
    sizes: { anyOf: [{ type: "array", items: COLUMN }, { type: "null" }], default: ["a"] },
  },
  $defs: { Format: { type: "string", enum: ["pdf", "html"] } },
};
const FIELDS = fieldsOf(SCHEMA);
const errorOf = (name: string, text: string) => readParameters(FIELDS, { [name]: text }).errors[name];

describe("lists and mappings of strings", () => {
  it("are known by what they hold; where null means something else than nothing it is JSON", () => {
    expect(FIELDS.map(({ kind }) => kind)).toEqual(["list", "mapping", "choices", "json"]);
  });

  it("are typed a line each, without white space around names and values", () => {
    const typed = {
      columns: " day \n\n shop of a\n",
      sums: "total=sum(a)\n large = a >= 2 AND b = 3 ",
      formats: '["html"]',
    };
    expect(readParameters(FIELDS, typed)).toEqual({
      parameters: {
        columns: ["day", "shop of a"],
        sums: { total: "sum(a)", large: "a >= 2 AND b = 3" },
        formats: ["html"],
      },
      errors: {},
    });
  });

  it("are not given where there are blank lines alone", () => {
    expect(readParameters(FIELDS, { columns: " \n", sums: "\n", formats: "" }).parameters).toEqual({});
  });

  it.each([
    { columns: ["-amount", 'the "best"', "a]"], sums: { total: 'sum("the amount")', none: "" } },
    { columns: ["a\nb"], sums: { "a=b": "sum(a)" } },
    { columns: ["a\rb"], sums: { total: "sum(\na)" } },
    { columns: [" a"], sums: { "a ": "b" } },
    { columns: ["[a]", "b"], sums: { "{a": "b" } },
    { columns: ["[]"], sums: { "{}": "b" } },
    { columns: ['"a"'], sums: { '"a"': '"b"' } },
    { columns: ["a\u00a0"], sums: { a: "b\u2028" } },
    { columns: [], sums: {} },
  ])("are the same after they were shown: %j", (parameters) => {
    const typed = typedParameters(FIELDS, parameters);
    expect(readParameters(FIELDS, typed)).toEqual({ parameters, errors: {} });
  });

  it("are shown as lines where they fit", () => {
    const typed = typedParameters(FIELDS, { columns: ["a", "[b]"], sums: { x: "sum(a)", y: "b = 2" } });
    expect(typed).toMatchObject({ columns: "a\n[b]", sums: "x = sum(a)\ny = b = 2" });
    expect(typedParameters(FIELDS, { columns: null }).columns).toBe("");
  });
});

describe("what is wrong with them", () => {
  it.each([
    ["columns", "day\n\nmuch too long a name", "Line 3: This may have at most 10"],
    ["columns", "a\nb\nc\nd", "3 at most"],
    ["columns", "[a]", "JSON array of strings"],
    ["columns", "[1]", "JSON array of strings"],
    ["columns", '["a", ""]', "Entry 2: This needs at least 1 character."],
    ["sums", "a = b\nc", "Line 2: This must be `name = value`."],
    ["sums", "= b", "Line 1: This must be `name = value`."],
    ["sums", "a = b\na = c", "Line 2: `a` is there twice."],
    ["sums", "a = b\nmuch too long = c", "Line 2: This may have at most 10"],
    ["sums", '{"a": 1}', "JSON object of strings"],
    ["formats", "[]", "at least 1"],
  ])("is told with its line: %s %j", (name, text, expected) => {
    expect(errorOf(name, text)).toContain(expected);
  });
});
