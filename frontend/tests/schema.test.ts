// @vitest-environment node
import { readFile } from "node:fs/promises";
import openapiTypescript, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, it } from "vitest";

it("has the types of the API that openapi.json describes: `npm run types` makes them", async () => {
  const document = JSON.parse(await readFile("openapi.json", "utf8"));
  const types = astToString(await openapiTypescript(document, { defaultNonNullable: false }));
  expect(await readFile("src/api/schema.d.ts", "utf8")).toBe(`${COMMENT_HEADER}${types}`);
});
