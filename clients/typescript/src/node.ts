/** Files on a disk, for Node: `uploadFile` and `downloadFile`. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { Readable } from "node:stream";
import type { StoredFile } from "./documents.js";
import { ChecksumMismatch } from "./errors.js";
import type { FileCalls, UploadOptions } from "./files.js";
import type { CallOptions } from "./requests.js";

const MEDIA_TYPES: Record<string, string> = {
  ".csv": "text/csv",
  ".html": "text/html",
  ".json": "application/json",
  ".jsonl": "application/jsonl",
  ".ndjson": "application/jsonl",
  ".mp4": "video/mp4",
  ".parquet": "application/vnd.apache.parquet",
  ".pdf": "application/pdf",
};

/** Store the file at a path, read as it is sent. Throws ChecksumMismatch when not the same was stored as was sent. */
export async function uploadFile(client: FileCalls, path: string, options: UploadOptions = {}): Promise<StoredFile> {
  await stat(path);
  const hash = createHash("sha256");
  async function* hashed() {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk);
      yield chunk as Uint8Array;
    }
  }
  const mediaType = MEDIA_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream";
  const body = Readable.toWeb(Readable.from(hashed())) as ReadableStream<Uint8Array>;
  const file = await client.upload(body, { name: basename(path), mediaType, ...options });
  return file.sha256 === hash.digest("hex") ? file : client.refuseUpload(file);
}

/**
 * Write a file to a path, or into a folder under its own name, and return where it is. It is there once it is whole and
 * its checksum right, over what was there before; until then it has another name. Throws ChecksumMismatch.
 */
export async function downloadFile(
  client: FileCalls,
  fileId: string,
  path = ".",
  options: CallOptions & { onProgress?: (received: number, all: number) => void } = {},
): Promise<string> {
  const file = await client.getFile(fileId, options);
  const target = await targetOf(path, file);
  const partial = join(dirname(target), `.${randomUUID()}.part`);
  try {
    if ((await receive(client, file, partial, options)) !== file.sha256) {
      throw new ChecksumMismatch(`${file.name}: what arrived does not have its checksum`);
    }
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  return target;
}

/** Writes the content, and returns its SHA-256. */
async function receive(
  client: FileCalls,
  file: StoredFile,
  path: string,
  { onProgress, ...options }: CallOptions & { onProgress?: (received: number, all: number) => void },
): Promise<string> {
  const hash = createHash("sha256");
  const output = await open(path, "wx");
  let received = 0;
  try {
    for await (const chunk of client.contents(file, options)) {
      hash.update(chunk);
      await output.writeFile(chunk);
      received += chunk.byteLength;
      onProgress?.(received, file.size_bytes);
    }
  } finally {
    await output.close();
  }
  return hash.digest("hex");
}

/** The path, or in that folder the file's own name, which never leads out of it. */
async function targetOf(path: string, file: StoredFile): Promise<string> {
  const folder = await stat(path).catch(() => undefined);
  if (!folder?.isDirectory()) return path;
  const printable = file.name.replace(/\p{C}/gu, "").replaceAll("\\", "/");
  const name = printable.slice(printable.lastIndexOf("/") + 1);
  return join(path, name === "" || name === "." || name === ".." ? file.file_id : name);
}
