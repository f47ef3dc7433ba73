import { describe, expect, it } from "vitest";
import type { StoredFile } from "@/api/types";
import { LARGEST_IMAGE, previewOf, shownText } from "@/files/content";
import { TASK_ID } from "./samples";

const file = (media_type: string, size_bytes = 10): StoredFile => ({
  file_id: TASK_ID,
  task_id: TASK_ID,
  name: "file",
  created_at: "2026-11-24T10:00:00Z",
  sha256: "",
  media_type,
  size_bytes,
});

describe("a preview", () => {
  it("is a picture of pixels alone", () => {
    expect(["image/png", "image/JPEG", "image/svg+xml", "image/x-icon"].map((type) => previewOf(file(type)))).toEqual([
      "image",
      "image",
      "text",
      null,
    ]);
  });

  it("is text of what people read", () => {
    for (const type of ["text/csv; charset=utf-8", "text/html", "application/json", "application/problem+json"]) {
      expect(previewOf(file(type))).toBe("text");
    }
    for (const type of ["application/octet-stream", "application/pdf", "video/mp4"]) {
      expect(previewOf(file(type))).toBeNull();
    }
  });

  it("is none of what is empty, and of images that are too large", () => {
    expect(previewOf(file("text/plain", 0))).toBeNull();
    expect(previewOf(file("image/png", LARGEST_IMAGE))).toBe("image");
    expect(previewOf(file("image/png", LARGEST_IMAGE + 1))).toBeNull();
  });
});

describe("a text", () => {
  it("is indented where it is a whole document of JSON", () => {
    expect(shownText('{"a":1}', file("application/json"))).toBe('{\n  "a": 1\n}');
    expect(shownText('{"a":1}', file("text/plain"))).toBe('{"a":1}');
    expect(shownText('{"a":1', file("application/json"))).toBe('{"a":1');
    expect(shownText("[1]", file("application/json", 100_000))).toBe("[1]");
  });
});
