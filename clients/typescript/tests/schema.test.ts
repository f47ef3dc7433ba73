/** The generated types are those of the document that the page's are made of. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import openapiTypescript, { astToString, COMMENT_HEADER, type OpenAPI3 } from "openapi-typescript";

test("src/schema.ts describes the API that openapi.json does: `npm run types` makes it", async () => {
  const document = JSON.parse(await readFile("../../frontend/openapi.json", "utf8")) as OpenAPI3;
  const types = astToString(await openapiTypescript(document, { defaultNonNullable: false }));
  assert.equal(await readFile("src/schema.ts", "utf8"), `${COMMENT_HEADER}${types}`);
});
