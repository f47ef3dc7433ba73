/** Calls about files: upload and download, whole or not at all. For files on a disk of Node: node.ts. */
import type { StoredFile } from "./documents.js";
import { ApiUnreachable, ChecksumMismatch } from "./errors.js";
import { chunksOf, Silence } from "./events.js";
import { MapCalls } from "./map.js";
import type { CallOptions } from "./requests.js";

/** Seconds of silence after which a download is taken for broken. */
const SILENCE_SECONDS = 30;

export interface UploadOptions extends CallOptions {
  /** That of a `File` unless given. */
  name?: string;
  /** Such as `text/csv`; that of a `Blob` unless given. */
  mediaType?: string;
}

export type Content = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

export class FileCalls extends MapCalls {
  /**
   * Store a file. Returns what is known of it, with its `file_id`. Not sent again in an outage, except when it is known
   * that nothing has arrived. Browsers other than Chromium take no `ReadableStream`.
   */
  async upload(content: Content, options: UploadOptions = {}): Promise<StoredFile> {
    const name = options.name ?? (content instanceof Blob && "name" in content ? String(content.name) : "file");
    const mediaType = options.mediaType || (content instanceof Blob && content.type) || "application/octet-stream";
    const response = await this.open("/files", {
      method: "POST",
      query: { name },
      headers: { "Content-Type": mediaType },
      body: content,
      signal: options.signal,
    });
    const file = (await response.json()) as StoredFile;
    const size =
      content instanceof Blob ? content.size : content instanceof Uint8Array ? content.byteLength : undefined;
    if (size !== undefined && size !== file.size_bytes) await this.refuseUpload(file);
    return file;
  }

  /** Delete an upload that is not what was sent. Throws ChecksumMismatch. */
  async refuseUpload(file: StoredFile): Promise<never> {
    await this.deleteFile(file.file_id);
    throw new ChecksumMismatch(`${file.name}: what was stored is not what was sent`);
  }

  /** What is known of a file. */
  async getFile(fileId: string, options: CallOptions = {}): Promise<StoredFile> {
    const response = await this.open(`/files/${encodeURIComponent(fileId)}/info`, { seconds: 30, ...options });
    return (await response.json()) as StoredFile;
  }

  /** Delete an upload. */
  async deleteFile(fileId: string, options: CallOptions = {}): Promise<void> {
    const path = `/files/${encodeURIComponent(fileId)}`;
    await this.open(path, { method: "DELETE", repeatable: true, seconds: 30, ...options });
  }

  /**
   * The content of a file, piece by piece, over as many connections as it takes: one that breaks is taken up where it
   * broke. Throws ChecksumMismatch when there is more of it than its size.
   */
  async *contents(file: StoredFile, { signal }: CallOptions = {}): AsyncGenerator<Uint8Array> {
    const outage = this.outage();
    let received = 0;
    while (received < file.size_bytes) {
      try {
        for await (const chunk of this.#part(file, received, signal)) {
          outage.over();
          received += chunk.byteLength;
          if (received > file.size_bytes) throw new ChecksumMismatch(`${file.name}: more arrives than its size`);
          yield chunk;
        }
        if (received < file.size_bytes) throw new ApiUnreachable(`${file.name}: not all of it arrived`);
      } catch (error) {
        await outage.pauseAfter(this.broken(error, signal), signal);
      }
    }
  }

  /** What one connection brings of a file, from one byte on. */
  async *#part(file: StoredFile, start: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const silence = new Silence(SILENCE_SECONDS);
    try {
      const response = await this.open(`/files/${encodeURIComponent(file.file_id)}`, {
        headers: start ? { Range: `bytes=${start}-` } : {},
        signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
        repeatable: false,
      });
      // Without ranges everything comes again, and what was had is left out.
      let known = response.status === 206 ? 0 : start;
      for await (const chunk of chunksOf(response)) {
        silence.over();
        const rest = chunk.subarray(Math.min(known, chunk.byteLength));
        known -= chunk.byteLength - rest.byteLength;
        if (rest.byteLength > 0) yield rest;
      }
    } finally {
      silence.end();
    }
  }

  /** A file in memory, or as a browser keeps it. Throws ChecksumMismatch. */
  async download(fileId: string, options: CallOptions = {}): Promise<Blob> {
    const file = await this.getFile(fileId, options);
    const parts: BlobPart[] = [];
    for await (const chunk of this.contents(file, options)) parts.push(chunk as Uint8Array<ArrayBuffer>);
    const blob = new Blob(parts, { type: file.media_type });
    // Browsers have it in secure contexts only.
    const digest = await crypto.subtle?.digest("SHA-256", await blob.arrayBuffer());
    if (digest && hexadecimal(digest) !== file.sha256) {
      throw new ChecksumMismatch(`${file.name}: what arrived does not have its checksum`);
    }
    return blob;
  }
}

function hexadecimal(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
