/** The contents of files: where they are, which can be looked at in the page, and how they are read for it. */
import { API_PATH, ApiProblem, answerOf, client } from "@/api/client";
import type { StoredFile } from "@/api/types";

export type PreviewKind = "image" | "text";

/** So much of a text is read, in bytes. */
export const HEAD_BYTES = 64 * 1024;
/** A larger image is not read, in bytes. */
export const LARGEST_IMAGE = 20 * 1024 * 1024;

/** Pixels only. An SVG is a document, which may hold scripts and name other files. */
const IMAGES: ReadonlySet<string> = new Set([
  "image/avif",
  "image/bmp",
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
]);
const TEXTS = /^(text\/.+|application\/(.+\+)?(json|jsonl|x-ndjson|xml|yaml|x-yaml|toml|sql|javascript))$/;

export const contentAddress = (fileId: string): string => `${API_PATH}/files/${encodeURIComponent(fileId)}`;

/** A media type without its parameters. */
const plainType = (mediaType: string): string => (mediaType.split(";")[0] ?? "").trim().toLowerCase();

/** How the page can show it; null where it cannot. */
export function previewOf({ media_type, size_bytes }: StoredFile): PreviewKind | null {
  const type = plainType(media_type);
  if (size_bytes === 0) return null;
  if (IMAGES.has(type)) return size_bytes <= LARGEST_IMAGE ? "image" : null;
  return TEXTS.test(type) || type === "image/svg+xml" ? "text" : null;
}

function read(fileId: string, signal: AbortSignal, range?: string): Promise<Blob> {
  const headers = range ? { Range: range } : {};
  const params = { path: { file_id: fileId } };
  return answerOf(client.GET("/files/{file_id}", { params, headers, signal, parseAs: "blob" }));
}

/** The beginning of a text, up to HEAD_BYTES, without a character that was cut in two. Throws ApiProblem. */
export async function readHead(fileId: string, signal: AbortSignal): Promise<string> {
  const blob = await read(fileId, signal, `bytes=0-${HEAD_BYTES - 1}`);
  const bytes = await blob.slice(0, HEAD_BYTES).arrayBuffer();
  return new TextDecoder().decode(bytes, { stream: true });
}

/** A whole text is shown as it is meant to be read; of JSON that is with its indentation. */
export function shownText(text: string, { media_type, size_bytes }: StoredFile): string {
  const isJson = /^application\/(.+\+)?json$/.test(plainType(media_type));
  if (!isJson || size_bytes > HEAD_BYTES) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The pixels of an image. Throws ApiProblem, also where the browser makes none of it. */
export async function readImage(fileId: string, signal: AbortSignal): Promise<ImageBitmap> {
  const blob = await read(fileId, signal);
  return createImageBitmap(blob).catch(() => {
    throw new ApiProblem(200, { title: "This image cannot be shown", detail: "The browser does not understand it." });
  });
}
